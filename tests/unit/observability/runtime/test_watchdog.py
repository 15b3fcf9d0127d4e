"""Blocks of the loop, seen from outside it."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from time import perf_counter
from types import CodeType
from typing import Any

import pytest
import structlog
import uvloop

from observability import context
from observability.context import RequestRecord
from observability.metrics.registry import Registry
from observability.metrics.runtime import RuntimeMetrics
from observability.runtime.heartbeat import Heartbeat
from observability.runtime.watchdog import Look, Watchdog, cpu_clock
from observability.testing import label_values, recorded, series
from tests.unit.observability.conftest import Events

BLOCKED = "asyncio_event_loop_blocked_total"
THRESHOLD = 0.02
PATIENCE = 30.0

Run = Callable[[Coroutine[Any, Any, None]], None]


class Watched:
    """A loop under watch, in the thread of the test."""

    def __init__(self, registry: Registry, **options: Any) -> None:
        loop = asyncio.get_running_loop()
        self.noticed = threading.Event()
        self.metrics = RuntimeMetrics(registry, culprit_budget=10)
        self.late: list[float] = []
        self.beat = asyncio.Event()
        self.heartbeat = Heartbeat(loop, THRESHOLD / 4, self._woke)
        options = {"threshold": THRESHOLD, "refresh": lambda: None, **options}
        self.watchdog = Watchdog(loop, self.heartbeat, self.metrics.loop_blocked, **options)
        self.heartbeat.start()
        self.watchdog.start()

    def _woke(self, late: float) -> None:
        self.late.append(late)
        self.beat.set()

    async def next_beat(self) -> None:
        self.beat.clear()
        await self.beat.wait()

    def stop(self) -> None:
        self.heartbeat.stop()
        self.watchdog.stop()
        self.watchdog.thread.join(PATIENCE)
        assert not self.watchdog.thread.is_alive()


def block_until_seen(registry: Registry) -> None:
    """What a blocking driver does to a loop; returns when the watchdog has counted it."""
    deadline = perf_counter() + PATIENCE
    while not series(registry, BLOCKED) and perf_counter() < deadline:
        threading.Event().wait(0.001)


CULPRIT = f"{__name__}:block_until_seen"


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    runner: Run = request.param
    return runner


def test_a_block_is_counted_once_with_its_culprit(run: Run, registry: Registry, events: Events) -> None:
    async def main() -> None:
        watched = Watched(registry)
        await watched.next_beat()
        block_until_seen(registry)
        await watched.next_beat()
        watched.stop()

    run(main())
    assert recorded(registry, BLOCKED, culprit=CULPRIT) == 1
    blocks = [event for event in (events.get() for _ in range(events.qsize())) if event["culprit"] == CULPRIT]
    (event,) = blocks
    assert event["event"] == "event_loop_blocked"
    assert event["stack"].splitlines()[-1].startswith((__file__, uvloop.__file__))
    assert f"in {CULPRIT}" in event["stack"]
    assert event["trace_id"] == ""


async def test_the_duration_ends_when_the_loop_wakes(registry: Registry, events: Events) -> None:
    watched = Watched(registry)
    await watched.next_beat()
    block_until_seen(registry)
    await watched.next_beat()
    event = await asyncio.to_thread(events.get, timeout=PATIENCE)
    watched.stop()
    # On a starved machine other beats come late, too.
    assert event["seconds"] in {round(late, 3) for late in watched.late}
    assert event["seconds"] >= THRESHOLD


async def test_the_request_that_blocks_is_marked(registry: Registry, events: Events) -> None:
    watched = Watched(registry)
    await watched.next_beat()
    record = RequestRecord(7, "", is_sampled=True)
    token = context.enter(record)
    block_until_seen(registry)
    context.leave(token)
    watched.stop()
    assert record.culprit == CULPRIT
    assert events.get(timeout=PATIENCE)["trace_id"] == record.trace_id


async def test_a_loop_that_stops_in_mid_block_is_reported_all_the_same(
    registry: Registry, events: Events
) -> None:
    watched = Watched(registry)
    await watched.next_beat()
    block_until_seen(registry)
    watched.stop()
    assert events.get_nowait()["seconds"] >= THRESHOLD


async def test_a_block_without_end_is_logged_before_it_ends(registry: Registry, events: Events) -> None:
    watched = Watched(registry, stuck_after=0.001)
    await watched.next_beat()
    stuck = events.get(timeout=PATIENCE)
    watched.stop()
    assert stuck["event"] == "event_loop_stuck"
    assert stuck["seconds"] >= THRESHOLD
    assert events.get_nowait()["event"] == "event_loop_blocked"
    assert sum(series(registry, BLOCKED).values()) == 1


async def test_a_log_that_fails_does_not_end_the_watch(registry: Registry) -> None:
    failed = threading.Event()

    def fail(*_: object) -> str:
        failed.set()
        raise RuntimeError

    before = structlog.get_config()
    structlog.configure(processors=[fail])
    watched = Watched(registry)
    await watched.next_beat()
    block_until_seen(registry)
    await asyncio.to_thread(failed.wait, PATIENCE)
    assert watched.watchdog.thread.is_alive()
    watched.stop()
    structlog.configure(**before)


async def test_process_figures_are_refreshed_and_may_be_missing(registry: Registry) -> None:
    refreshed = threading.Event()

    def refresh() -> None:
        refreshed.set()
        raise FileNotFoundError

    watched = Watched(registry, refresh=refresh)
    assert await asyncio.to_thread(refreshed.wait, PATIENCE)
    await watched.next_beat()
    assert watched.watchdog.thread.is_alive()
    watched.stop()


def test_the_thread_ends_with_its_loop(run: Run, registry: Registry) -> None:
    threads: list[threading.Thread] = []

    async def main() -> None:
        watched = Watched(registry)
        threads.append(watched.watchdog.thread)
        await watched.next_beat()

    run(main())
    threads[0].join(PATIENCE)
    assert not threads[0].is_alive()


@pytest.mark.parametrize(
    ("late", "loop_ran", "is_starved"),
    [(0.005, 0.0, False), (0.5, 0.0, True), (0.5, 0.2, True), (0.5, 0.3, False)],
    ids=["on time", "suspended", "starved", "the GIL was held"],
)
def test_a_process_that_did_not_run_was_not_blocked(
    late: float, loop_ran: float, *, is_starved: bool
) -> None:
    assert Look(planned_for=10, came_at=10 + late, loop_ran=loop_ran).is_starved(0.01) == is_starved


@pytest.fixture
def heartbeat() -> Heartbeat:
    """Belongs to a loop that does not run, in the thread of the test."""
    heartbeat = Heartbeat(asyncio.new_event_loop(), THRESHOLD, lambda _: None)
    heartbeat.thread_id = threading.get_ident()
    return heartbeat


@pytest.fixture
def watchdog(heartbeat: Heartbeat, registry: Registry) -> Iterator[Watchdog]:
    """Takes its steps when the test says so; its loop never gets CPU time."""
    metrics = RuntimeMetrics(registry, culprit_budget=10)
    loop = heartbeat._loop
    watchdog = Watchdog(loop, heartbeat, metrics.loop_blocked, threshold=THRESHOLD, refresh=lambda: None)
    watchdog._loop_cpu = lambda: 0.0
    yield watchdog
    assert label_values(registry, BLOCKED, "culprit") == set()
    loop.close()


def test_the_watch_begins_anew_after_the_process_was_suspended(
    watchdog: Watchdog, heartbeat: Heartbeat
) -> None:
    heartbeat.boundary = test_the_watch_begins_anew_after_the_process_was_suspended.__code__
    heartbeat.due = perf_counter() - 10
    watchdog._watch()
    assert watchdog._deadline() > heartbeat.due + 10


@pytest.mark.parametrize("boundary", [None, cpu_clock.__code__], ids=["before a beat", "in the selector"])
def test_a_loop_that_runs_no_callback_is_not_blocked(
    watchdog: Watchdog, heartbeat: Heartbeat, boundary: CodeType | None
) -> None:
    heartbeat.boundary = boundary
    heartbeat.due = perf_counter()
    watchdog._watch()
    assert not heartbeat.block
    assert watchdog._deadline() > heartbeat.due + THRESHOLD


def test_a_beat_that_comes_in_time_is_no_block(watchdog: Watchdog, heartbeat: Heartbeat) -> None:
    heartbeat.due = perf_counter()
    beating = threading.Thread(target=watchdog._watch)
    beating.start()
    heartbeat.due += 10
    beating.join(PATIENCE)
    assert watchdog._excused_until == 0.0


async def test_a_stack_is_not_believed_when_the_loop_ran_meanwhile(registry: Registry) -> None:
    watched = Watched(registry)
    await watched.next_beat()
    assert watched.watchdog._sight(watched.heartbeat.due - 1) is None
    assert watched.heartbeat.block is None
    watched.stop()


def test_cpu_time_of_the_calling_thread_is_told() -> None:
    cpu = cpu_clock()
    before = cpu()
    while cpu() < before + 0.01:
        pass
    assert cpu() > before


def test_cpu_time_is_told_of_the_process_where_threads_have_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "pthread_getcpuclockid")
    assert cpu_clock() is time.process_time


def test_cpu_time_of_a_thread_that_is_gone_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = cpu_clock()

    def gone(_clock: int) -> float:
        raise OSError

    monkeypatch.setattr(time, "clock_gettime", gone)
    assert cpu() == 0.0
