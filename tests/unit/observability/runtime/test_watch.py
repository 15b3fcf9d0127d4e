"""The watch of one process, from its start to its stop."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import pytest
from anyio.to_thread import current_default_thread_limiter, run_sync
from fastapi import FastAPI

from observability import context
from observability.metrics.registry import Registry
from observability.runtime.watch import RuntimeWatch
from observability.settings import TelemetrySettings
from observability.setup import instrument
from observability.testing import recorded, series
from tests.unit.observability.conftest import Events
from tests.unit.observability.server import request, start

QUICK = TelemetrySettings(loop_lag_interval=0.001, loop_blocked_threshold=0.02)
LAG = "asyncio_event_loop_lag_seconds_count"
BLOCKED = "asyncio_event_loop_blocked_total"


def watchdogs() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "event-loop-watchdog"}


@pytest.fixture
async def watch(registry: Registry) -> AsyncIterator[RuntimeWatch]:
    watch = RuntimeWatch(registry, QUICK)
    watch.start()
    yield watch
    watch.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  a registry has no event to await
            await asyncio.sleep(0)


async def becomes(registry: Registry, name: str, value: float) -> None:
    await until(lambda: recorded(registry, name) == value)


async def woke(registry: Registry, *, times: float = 1) -> None:
    await until(lambda: (recorded(registry, LAG) or 0) >= times)


@pytest.mark.usefixtures("watch")
async def test_lag_is_recorded(registry: Registry) -> None:
    await woke(registry)
    assert (recorded(registry, "asyncio_event_loop_lag_seconds_sum") or 0) >= 0


@pytest.mark.usefixtures("watch")
async def test_threads_in_use_are_shown(registry: Registry) -> None:
    release = threading.Event()
    assert recorded(registry, "thread_pool_workers") == current_default_thread_limiter().total_tokens
    assert recorded(registry, "thread_pool_busy") == 0
    endpoint = asyncio.create_task(run_sync(release.wait))
    await becomes(registry, "thread_pool_busy", 1)
    release.set()
    await endpoint
    await becomes(registry, "thread_pool_busy", 0)


@pytest.mark.usefixtures("watch")
async def test_process_metrics_are_there_from_the_start(registry: Registry) -> None:
    assert (recorded(registry, "process_cpu_seconds_total") or 0) > 0
    assert (recorded(registry, "process_start_time_seconds") or 0) > 0
    assert recorded(registry, "python_gc_collections_total", generation="2") is not None


@pytest.mark.usefixtures("watch")
async def test_a_loop_has_one_watchdog() -> None:
    before = watchdogs()
    other = RuntimeWatch(Registry(), QUICK)
    other.start()
    assert watchdogs() <= before
    other.stop()


@pytest.mark.usefixtures("watch")
async def test_each_application_of_a_loop_shows_loop_threads_and_process() -> None:
    registry = Registry()
    other = RuntimeWatch(registry, QUICK)
    other.start()
    assert recorded(registry, "thread_pool_workers") == current_default_thread_limiter().total_tokens
    started_with = recorded(registry, "process_cpu_seconds_total") or 0
    assert started_with > 0
    await woke(registry)
    await until(lambda: (recorded(registry, "process_cpu_seconds_total") or 0) > started_with)
    other.stop()


async def test_a_loop_is_watched_until_the_last_application_stops(
    watch: RuntimeWatch, registry: Registry
) -> None:
    second = Registry()
    other = RuntimeWatch(second, QUICK)
    other.start()
    watch.stop()
    before, stopped_at = recorded(second, LAG) or 0, recorded(registry, LAG)
    await woke(second, times=before + 1)
    assert recorded(registry, LAG) == stopped_at
    other.stop()
    during = watchdogs()
    watch.start()
    assert len(watchdogs() - during) == 1


async def test_a_watch_that_is_started_twice_is_told_once(watch: RuntimeWatch, registry: Registry) -> None:
    second = Registry()
    other = RuntimeWatch(second, QUICK)
    other.start()
    watch.start()
    before = recorded(registry, LAG) or 0
    await woke(second)
    other.stop()
    assert (recorded(registry, LAG) or 0) - before == recorded(second, LAG)


@pytest.mark.usefixtures("watch")
async def test_a_block_counts_for_each_application_of_the_loop(registry: Registry, events: Events) -> None:
    second = Registry()
    other = RuntimeWatch(second, QUICK)
    other.start()
    await woke(second)
    deadline = perf_counter() + 30
    while not series(second, BLOCKED) and perf_counter() < deadline:
        pass
    other.stop()
    for each in (registry, second):
        assert sum(series(each, BLOCKED).values()) == 1
    await asyncio.to_thread(lambda: events.get(timeout=30))
    assert events.empty()


async def test_a_loop_can_be_watched_again_after_a_stop(watch: RuntimeWatch, registry: Registry) -> None:
    watch.stop()
    watch.stop()
    before = recorded(registry, LAG) or 0
    watch.start()
    await woke(registry, times=before + 1)


def test_without_asyncio_nothing_is_watched(registry: Registry) -> None:
    before = watchdogs()
    RuntimeWatch(registry, QUICK).start()
    assert watchdogs() <= before


def test_a_platform_that_does_not_tell_shows_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    monkeypatch.setattr("observability.runtime.watch.started_at", lambda: None)
    RuntimeWatch(registry, QUICK)
    assert recorded(registry, "process_start_time_seconds") is None


async def test_an_endpoint_that_blocks_is_named(events: Events) -> None:
    app = FastAPI()
    records: list[Any] = []

    @app.get("/")
    async def blocking() -> str:
        record = context.current()
        records.append(record)
        deadline = perf_counter() + 30
        while record and not record.culprit and perf_counter() < deadline:
            pass
        return "done"

    telemetry = instrument(app, service_name="shop", settings=QUICK)
    telemetry.runtime.start()
    await woke(telemetry.registry)
    reply = await request(app, "/")
    telemetry.runtime.stop()
    assert reply.status == 200
    culprit = f"{__name__}:{blocking.__qualname__}"
    assert records[0].culprit == culprit
    assert recorded(telemetry.registry, "asyncio_event_loop_blocked_total", culprit=culprit) == 1
    logged = await asyncio.to_thread(lambda: [events.get(timeout=30) for _ in range(2)])
    assert (culprit, reply.header("X-Trace-Id")) in {
        (event.get("culprit"), event.get("trace_id")) for event in logged
    }


async def test_the_watch_lasts_from_the_start_of_the_server_to_its_end() -> None:
    before = watchdogs()
    during: set[threading.Thread] = set()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        during.update(watchdogs() - before)

    app = FastAPI(lifespan=lifespan)
    instrument(app, service_name="shop", settings=QUICK)
    await start(app)
    (thread,) = during
    thread.join(30)
    assert not thread.is_alive()


async def test_an_application_that_fails_to_start_is_not_watched() -> None:
    before = watchdogs()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        int("no number")
        yield

    app = FastAPI(lifespan=lifespan)
    instrument(app, service_name="shop", settings=QUICK)
    with pytest.raises(ValueError, match="no number"):
        await start(app)
    assert watchdogs() <= before
