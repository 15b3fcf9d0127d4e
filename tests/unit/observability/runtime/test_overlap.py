"""Others that measure the same requests."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
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
from tests.unit.observability.server import request


@pytest.fixture
def prometheus_reader() -> Iterator[None]:
    provider = MeterProvider([PrometheusMetricReader(registry=CollectorRegistry())])
    yield
    provider.shutdown()
    del provider
    gc.collect()  # OpenTelemetry knows a reader for as long as it lives


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
