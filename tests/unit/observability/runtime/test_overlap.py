"""Others that measure the same requests."""

import gc
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracerProvider
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware

from observability.runtime.overlap import (
    CONTRIB,
    NATIVE,
    PROMETHEUS_READER,
    active_sources,
    report_sources,
)
from observability.setup import instrument
from tests.unit.observability.conftest import Events
from tests.unit.observability.server import request, start

OFF: Any = {"tracing": False, "metrics": False, "logs": False}


@pytest.fixture
def prometheus_reader() -> Iterator[None]:
    provider = MeterProvider([PrometheusMetricReader(registry=CollectorRegistry())])
    yield
    provider.shutdown()
    del provider
    gc.collect()  # OpenTelemetry knows a reader for as long as it lives


def said_in(events: Events) -> list[dict[str, Any]]:
    return [events.get_nowait() for _ in range(events.qsize())]


def natively_measured() -> FastAPI:
    return FastAPI(telemetry={"tracer_provider": NoOpTracerProvider()})


def test_alone_there_is_no_overlap(events: Events) -> None:
    app = FastAPI()
    report_sources(app)
    assert events.get_nowait() == {"event": "telemetry_source", "source": "observability"}


def test_the_native_telemetry_of_fastapi_is_noticed() -> None:
    assert active_sources(natively_measured()) == [NATIVE]


def test_native_telemetry_that_is_switched_off_is_not() -> None:
    off: Any = {"tracing": False, "tracer_provider": NoOpTracerProvider()}
    assert active_sources(FastAPI(telemetry=off)) == []


def test_plain_starlette_has_no_native_telemetry() -> None:
    assert active_sources(Starlette()) == []


def test_a_mounted_application_is_looked_at_too() -> None:
    app = FastAPI()
    app.mount("/inner", natively_measured())
    assert active_sources(app) == [NATIVE]


def test_the_instrumentation_of_opentelemetry_is_noticed_around_the_stack() -> None:
    app = FastAPI()
    FastAPIInstrumentor.instrument_app(app)
    app.middleware_stack = app.build_middleware_stack()
    assert active_sources(app) == [CONTRIB]


def test_the_instrumentation_of_opentelemetry_is_noticed_as_a_middleware() -> None:
    app = Starlette(middleware=[Middleware(OpenTelemetryMiddleware)])
    assert active_sources(app) == [CONTRIB]


@pytest.mark.usefixtures("prometheus_reader")
def test_an_exporter_of_opentelemetry_for_prometheus_is_noticed() -> None:
    assert active_sources(FastAPI()) == [PROMETHEUS_READER]


def test_a_meter_provider_for_others_is_no_overlap() -> None:
    provider = MeterProvider([])
    assert active_sources(FastAPI()) == []
    provider.shutdown()


@pytest.mark.usefixtures("prometheus_reader")
def test_one_line_says_who_else_measures_and_what_to_do(events: Events) -> None:
    report_sources(natively_measured())
    event = events.get_nowait()
    assert events.empty()
    assert event["event"] == "telemetry_overlap"
    assert event["source"] == "observability"
    assert event["also_active"] == [NATIVE, PROMETHEUS_READER]
    assert "FastAPI(telemetry=" in event["advice"]
    assert "PrometheusMetricReader" in event["advice"]


def test_a_source_used_on_purpose_is_no_overlap(events: Events) -> None:
    report_sources(natively_measured(), own={NATIVE})
    assert events.get_nowait()["event"] == "telemetry_source"


@pytest.fixture
def late() -> Iterator[Callable[[], None]]:
    """Sets a provider for the whole process."""
    with pytest.MonkeyPatch.context() as patches:
        provider = TracerProvider(shutdown_on_exit=False)
        yield lambda: patches.setattr(trace, "_TRACER_PROVIDER", provider)


@pytest.mark.parametrize("telemetry", [OFF, None])
async def test_a_global_provider_that_comes_late_is_reported_at_the_start(
    events: Events, late: Callable[[], None], telemetry: Any
) -> None:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        late()
        yield

    app = FastAPI(lifespan=lifespan, telemetry=telemetry)
    instrument(app, service_name="shop")
    await start(app)
    (said,) = [event for event in said_in(events) if event["event"] == "telemetry_provider_ignored"]
    assert "tracer_provider=" in said["advice"]


@pytest.mark.parametrize("is_given", [True, False])
async def test_a_provider_that_is_used_is_not_reported(
    events: Events,
    late: Callable[[], None],
    is_given: bool,  # noqa: FBT001  a case
) -> None:
    app = FastAPI(telemetry=OFF)
    if is_given:
        instrument(app, service_name="shop", tracer_provider=TracerProvider(shutdown_on_exit=False))
    late()
    if not is_given:
        instrument(app, service_name="shop")
    await start(app)
    assert [event["event"] for event in said_in(events)] == ["telemetry_source"]


async def test_a_switched_off_sdk_ignores_every_provider(
    events: Events, late: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    app = FastAPI(telemetry=OFF)
    instrument(app, service_name="shop")
    late()
    await start(app)
    assert [event["event"] for event in said_in(events)] == ["telemetry_source"]


@pytest.mark.parametrize("owner", [NATIVE, CONTRIB])
async def test_an_application_may_start_any_number_of_times(events: Events, owner: str) -> None:
    app = natively_measured() if owner == NATIVE else FastAPI(telemetry=OFF)
    app.add_api_route("/", lambda: "fine", methods=["GET"])
    if owner == CONTRIB:
        FastAPIInstrumentor.instrument_app(app)
    instrument(app, service_name="shop")
    for _ in range(sys.getrecursionlimit()):
        await start(app)
    assert (await request(app, "/")).status == 200
    assert said_in(events)[-1]["also_active"] == [owner]


async def test_instrumentation_that_refuses_to_stand_outside_of_ours_is_no_overlap(events: Events) -> None:
    app = FastAPI()
    instrument(app, service_name="shop")
    FastAPIInstrumentor.instrument_app(app)
    await request(app, "/")
    assert events.get_nowait()["event"] == "telemetry_source"


async def test_instrumentation_inside_of_ours_is_noticed_at_the_start(events: Events) -> None:
    app = FastAPI()
    FastAPIInstrumentor.instrument_app(app)
    instrument(app, service_name="shop")
    await request(app, "/")
    assert events.get_nowait()["also_active"] == [CONTRIB]
