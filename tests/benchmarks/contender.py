"""Who takes part: an application, and one way to instrument it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from fastapi import FastAPI


class Application(Protocol):
    """Makes the application that all contenders of a row instrument; `options` are FastAPI's."""

    def __call__(self, **options: Any) -> FastAPI: ...


@dataclass(frozen=True, slots=True)
class Contender:
    """One file of `contenders`, which is imported only where it runs: some change the whole process."""

    name: str
    module: str
    options: tuple[tuple[str, Any], ...] = ()

    def create(self, application: Application) -> FastAPI:
        module = import_module(f"tests.benchmarks.contenders.{self.module}")
        create: Callable[..., FastAPI] = module.create
        return create(application, **dict(self.options))


BARE = Contender("bare FastAPI", "bare")
OURS = Contender("ours", "ours")
OURS_100 = Contender("ours, 100 % of the traces", "ours", (("ratio", 1.0),))
INSTRUMENTATOR = Contender("prometheus-fastapi-instrumentator", "prometheus_fastapi_instrumentator")
STARLETTE_EXPORTER = Contender("starlette_exporter", "starlette_exporter")
OBSERVER = Contender("fastapi-observer (metrics, JSON log line a request)", "fastapi_observer")
ARTICLE_TIMER = Contender("the article's BaseHTTPMiddleware timer", "article_timer")
NATIVE_METRICS = Contender("FastAPI native metrics", "fastapi_native_metrics")
NATIVE_TRACES_1 = Contender("FastAPI native traces, 1 %", "fastapi_native_traces", (("ratio", 0.01),))
NATIVE_TRACES_100 = Contender("FastAPI native traces, 100 %", "fastapi_native_traces", (("ratio", 1.0),))
CONTRIB_1 = Contender("OpenTelemetry contrib, 1 %", "opentelemetry_contrib", (("ratio", 0.01),))
CONTRIB_100 = Contender("OpenTelemetry contrib, 100 %", "opentelemetry_contrib", (("ratio", 1.0),))
NATIVE_AND_CONTRIB_100 = Contender(
    "FastAPI native traces and contrib, 100 %", "fastapi_native_and_contrib", (("ratio", 1.0),)
)
INSTRUMENTATOR_AND_CONTRIB = Contender(
    "prometheus-fastapi-instrumentator + contrib, 1 %", "instrumentator_and_contrib", (("ratio", 0.01),)
)
