"""Floods: neither memory nor the exposition grows with what strangers send."""

import gc
import sys
from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI
from starlette.types import Message, Scope

from observability.conventions import OTHER, OVERFLOW, UNMATCHED, Metric
from observability.metrics.exposition import Exposition, wanted
from observability.metrics.instruments import Counter, Histogram
from observability.metrics.registry import Registry
from observability.setup import Telemetry, instrument
from observability.testing import label_values, recorded, series
from tests.unit.observability.server import http_scope

FLOOD = 100_000
# Far less than one block for each of the flood; what remains are caches of bounded size.
FEW_BLOCKS = FLOOD // 20
DURATIONS = "http_server_request_duration_seconds_count"
VISITS = Metric("visits_total", "counter", "Visits.", ("visitor",))
WAITS = Metric("waits", "histogram", "Waits.", ("visitor",), (1.0, 2.0))


@pytest.fixture
def app() -> FastAPI:
    app, items = FastAPI(openapi_url=None), APIRouter(prefix="/items")
    items.add_api_route("/{item_id}", read_item, methods=["GET"])
    app.include_router(items, prefix="/api")
    return app


async def read_item(item_id: str) -> str:
    return item_id


async def nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def nowhere(message: Message) -> None:
    """Whoever floods does not read the answers."""


def flood(numbers: range) -> Iterator[Scope]:
    """Paths, methods, hosts and parents that nobody has seen before."""
    for number in numbers:
        invented = f"{number:x}"
        headers = [
            (b"host", invented.encode()),
            (b"traceparent", f"00-{number + 1:032x}-{'1' * 16}-01".encode()),
        ]
        if number % 3 == 0:
            yield http_scope(f"/{invented}/x", "GET", headers)
        elif number % 3 == 1:
            yield http_scope(f"/api/items/{invented}", "GET", headers)
        else:
            yield http_scope(f"/api/items/{invented}", f"M{invented}", headers)


async def send(app: FastAPI, numbers: range) -> None:
    for scope in flood(numbers):
        await app(scope, nothing, nowhere)


def blocks() -> int:
    """Objects that are alive, near enough."""
    gc.collect()
    return sys.getallocatedblocks()


def rendered(telemetry: Telemetry) -> list[str]:
    """The exposition without its numbers."""
    text = telemetry.exposition.render(wanted("application/openmetrics-text", "", frozenset())).decode()
    return [line.partition(" # ")[0].rpartition(" ")[0] for line in text.splitlines() if line[0] != "#"]


async def test_a_hundred_thousand_invented_requests_leave_memory_and_exposition_as_they_were(
    app: FastAPI,
) -> None:
    telemetry = instrument(app, service_name="shop")
    await send(app, range(FLOOD // 10))
    lines, alive = rendered(telemetry), blocks()
    await send(app, range(FLOOD // 10, FLOOD))
    assert blocks() - alive < FEW_BLOCKS
    assert rendered(telemetry) == lines
    assert sum(series(telemetry.registry, DURATIONS).values()) == FLOOD
    assert label_values(telemetry.registry, DURATIONS, "http_route") == {UNMATCHED, "/api/items/{item_id}"}
    assert label_values(telemetry.registry, DURATIONS, "http_request_method") == {"GET", OTHER}
    telemetry.runtime.stop()


def test_a_hundred_thousand_label_values_end_in_one_series() -> None:
    registry = Registry(series_budget=1_000)
    visits, waits, exposition = Counter(VISITS, registry), Histogram(WAITS, registry), Exposition(registry)
    for number in range(2_000):
        visits.labels(f"early {number}").inc()
        waits.labels(f"early {number}").observe(1.5)
    text, alive = exposition.render(wanted("", "", frozenset())), blocks()
    for number in range(FLOOD):
        visits.labels(f"late {number}").inc()
        waits.labels(f"late {number}").observe(1.5)
    assert blocks() - alive < FEW_BLOCKS
    after = exposition.render(wanted("", "", frozenset()))
    assert after.count(b"\n") == text.count(b"\n")
    for metric, name in ((VISITS, "visits_total"), (WAITS, "waits_count")):
        assert len(series(registry, name)) == 1_001
        assert recorded(registry, name, visitor=OVERFLOW) == FLOOD + 1_000
        assert recorded(registry, "telemetry_series_dropped_total", metric=metric.name) == FLOOD + 1_000
