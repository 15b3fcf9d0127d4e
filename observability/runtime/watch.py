"""Watches the event loop that serves an application, and the process around it."""

import asyncio
from asyncio import AbstractEventLoop
from weakref import WeakValueDictionary

from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter

from observability import conventions
from observability.metrics.instruments import Gauge
from observability.metrics.process import ProcessMetrics
from observability.metrics.registry import Registry
from observability.metrics.runtime import RuntimeMetrics
from observability.runtime.heartbeat import Heartbeat
from observability.runtime.process import ProcessReader, started_at
from observability.runtime.watchdog import Watchdog
from observability.settings import TelemetrySettings

# One watch is enough for a loop, however many applications it serves: it tells all of them.
_watches: "WeakValueDictionary[AbstractEventLoop, _Running]" = WeakValueDictionary()


class RuntimeWatch:
    """Records lag and blocks of the loop it is started on, threads in use, and the standard process metrics."""

    def __init__(self, registry: Registry, settings: TelemetrySettings) -> None:
        """Register the families; nothing runs before `start`."""
        self.metrics = RuntimeMetrics(registry, culprit_budget=settings.culprit_budget)
        self.process = ProcessReader(ProcessMetrics(registry))
        self._settings = settings
        self._running: _Running | None = None
        since = started_at()
        if since is not None:
            Gauge(conventions.PROCESS_START_TIME, registry).set(since)

    def start(self) -> None:
        """Watch the running asyncio loop. Does nothing when it does so already, or under trio.

        On a loop that another application watches already, the settings of that one hold.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if loop not in _watches:
            _watches[loop] = _Running(loop, self._settings)
        self._running = _watches[loop]
        self._running.tell(self)

    def stop(self) -> None:
        """Watch no more; call it on the loop. Does nothing when nothing is watched."""
        if self._running is not None:
            self._running.tell_no_more(self)
            self._running = None


class _Running:
    """The parts that run, for one loop, and the watches that they tell what they see."""

    def __init__(self, loop: AbstractEventLoop, settings: TelemetrySettings) -> None:
        self._loop = loop
        # Read by the watchdog's thread: replaced, not changed.
        self._told: tuple[RuntimeWatch, ...] = ()
        self._threads: CapacityLimiter = current_default_thread_limiter()
        self._heartbeat = Heartbeat(loop, settings.loop_lag_interval, self._woke)
        self._watchdog = Watchdog(
            loop,
            self._heartbeat,
            self._blocked,
            threshold=settings.loop_blocked_threshold,
            refresh=self._refresh,
        )
        self._heartbeat.start()
        self._watchdog.start()

    def tell(self, watch: RuntimeWatch) -> None:
        if watch not in self._told:
            watch.process.refresh()
            self._show_threads(watch.metrics)
            self._told = (*self._told, watch)

    def tell_no_more(self, watch: RuntimeWatch) -> None:
        self._told = tuple(each for each in self._told if each is not watch)
        if not self._told:
            self._heartbeat.stop()
            self._watchdog.stop()
            _watches.pop(self._loop, None)

    def _woke(self, late: float) -> None:
        for watch in self._told:
            watch.metrics.loop_woke(late)
            self._show_threads(watch.metrics)

    def _show_threads(self, metrics: RuntimeMetrics) -> None:
        metrics.thread_pool(self._threads.total_tokens, self._threads.borrowed_tokens)

    def _blocked(self, culprit: str) -> None:
        for watch in self._told:
            watch.metrics.loop_blocked(culprit)

    def _refresh(self) -> None:
        for watch in self._told:
            watch.process.refresh()
