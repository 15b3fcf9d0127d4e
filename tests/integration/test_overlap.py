"""Everybody else measures too: what is exposed stays what it is, and one line says who they are."""

import gc
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import prometheus_client
import pytest
import structlog
from fastapi import FastAPI
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider

from observability.errors import AlreadyInstrumented
from observability.metrics.registry import Registry
from observability.setup import instrument
from observability.testing import recorded
from tests.unit.observability.server import request

NAME = "http_server_request_duration_seconds"


@pytest.fixture
def forgotten() -> Iterator[None]:
    """OpenTelemetry knows a reader for as long as it lives."""
    yield
    gc.collect()


@contextmanager
def opentelemetry() -> Iterator[MeterProvider]:
    """Metrics of OpenTelemetry that land in the registry of prometheus_client, one by the very name of ours."""
    provider = MeterProvider([PrometheusMetricReader()])
    provider.get_meter("theirs").create_histogram("http.server.request.duration", unit="s").record(7)
    yield provider
    provider.shutdown()


async def exposed_beside_three_others() -> tuple[str, Registry]:
    app, inner = FastAPI(), FastAPI()
    inner.add_api_route("/items/{item_id}", lambda: "ok", methods=["GET"])
    app.mount("/shop", inner)
    registry = Registry(prometheus_client.REGISTRY)  # noqa: TID251  theirs is the point
    with opentelemetry() as provider:
        FastAPIInstrumentor.instrument_app(app, meter_provider=provider)
        FastAPIInstrumentor.instrument_app(inner, meter_provider=provider)
        instrument(app, service_name="shop", registry=registry)
        with pytest.raises(AlreadyInstrumented):
            instrument(app, service_name="shop")
        assert (await request(app, "/shop/items/7")).status == 200
        return (await request(app, "/metrics")).body.decode(), registry


@pytest.mark.usefixtures("forgotten")
async def test_what_others_measure_changes_nothing_and_is_said_in_one_line() -> None:
    with structlog.testing.capture_logs() as events:
        exposed, registry = await exposed_beside_three_others()
    (said,) = [event for event in events if event["event"].startswith("telemetry_")]
    assert said["also_active"] == ["opentelemetry_contrib", "prometheus_metric_reader"]
    families = Counter(re.findall(r"^# TYPE (\w+) ", exposed, re.MULTILINE))
    assert {"python_info", "target_info", NAME} <= families.keys()
    assert max(families.values()) == 1
    samples = Counter(line.rpartition(" ")[0] for line in exposed.splitlines() if line[0] != "#")
    assert max(samples.values()) == 1
    route = {"http_route": "/shop/items/{item_id}", "http_response_status_code": "200"}
    assert recorded(registry, f"{NAME}_count", **route) == 1
