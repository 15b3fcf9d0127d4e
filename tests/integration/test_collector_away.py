"""A collector that is killed, falls silent or refuses in mid-load: it costs spans, which are counted, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from fastapi import FastAPI

from observability.settings import TelemetrySettings
from observability.setup import instrument
from observability.testing import recorded
from observability.tracing.spans import span
from tests.integration.conftest import running
from tests.otlp import Collector, running_collector
from tests.unit.observability.server import request, until

WAITING = 64
SPANS_A_REQUEST = 2
CLIENTS, REQUESTS = 4, 100


@dataclass
class Receiver:
    """A collector, and how it goes away."""

    collector: Collector
    life: ExitStack

    def is_killed(self) -> None:
        self.life.close()

    def falls_silent(self) -> None:
        self.collector.answers.clear()

    def refuses(self) -> None:
        self.collector.status = 503


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with ExitStack() as life:
        yield Receiver(life.enter_context(running_collector()), life)


@pytest.fixture
async def app(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FastAPI]:
    """One whose every request is traced, and few of whose spans may wait."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", str(WAITING))
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", str(WAITING))
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    # Long enough for what waits at the end to be given up.
    monkeypatch.setattr("observability.tracing.export.FLUSH_SECONDS", 30.0)
    # It is the same minute all the time.
    monkeypatch.setattr("observability.tracing.export.monotonic", lambda: 1_000.0)
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.get("/")
    async def work() -> None:
        with span("work"):
            await asyncio.sleep(0)

    settings = TelemetrySettings(trace_sample_ratio=1, otlp_endpoint=receiver.collector.url)
    instrument(app, service_name="shop", settings=settings)
    async with running(app):
        yield app


async def load(app: FastAPI) -> set[int]:
    """The statuses of some requests in a row."""
    return {(await request(app, "/")).status for _ in range(REQUESTS)}


def counted(app: FastAPI, outcome: str) -> float:
    return recorded(app.state.telemetry.registry, "telemetry_spans_total", outcome=outcome) or 0.0


@pytest.mark.parametrize("goes", [Receiver.is_killed, Receiver.falls_silent, Receiver.refuses])
async def test_a_collector_that_goes_in_mid_load_costs_spans_and_nothing_else(
    goes: Callable[[Receiver], None], receiver: Receiver, app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry: Any = app.state.telemetry
    with structlog.testing.capture_logs() as events:
        statuses = await load(app)
        await until(lambda: counted(app, "exported"))
        clients = [asyncio.create_task(load(app)) for _ in range(CLIENTS)]
        await asyncio.to_thread(goes, receiver)
        statuses = statuses.union(*await asyncio.gather(*clients), await load(app))
        produced = (CLIENTS + 2) * REQUESTS * SPANS_A_REQUEST
        # What neither arrived nor is lost waits, and that is little.
        assert produced - sum(counted(app, each) for each in ("exported", "failed", "dropped")) <= 2 * WAITING
        receiver.collector.answers.set()
        await asyncio.to_thread(telemetry.tracing.provider.shutdown)
    assert statuses == {200}
    lost = counted(app, "failed") + counted(app, "dropped")
    assert lost
    assert len(receiver.collector.spans) + lost >= produced
    assert len(receiver.collector.spans) >= counted(app, "exported")
    # Once for the minute, and once for what is lost at the end.
    said = [event for event in events if event["event"] == "telemetry_spans_lost"]
    assert 1 <= len(said) <= 2
    assert sum(event.get("failed", 0) + event.get("dropped", 0) for event in said) == lost
    assert [record for record in caplog.records if record.name.startswith("opentelemetry")] == []
