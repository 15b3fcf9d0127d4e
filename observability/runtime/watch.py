"""Watches the event loop that serves an application, and the process around it."""

import asyncio
from asyncio import AbstractEventLoop
from weakref import WeakSet

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

# One watch is enough for a loop, however many applications it serves.
_watched: WeakSet[AbstractEventLoop] = WeakSet()


class RuntimeWatch:
    """Records lag and blocks of the loop it is started on, threads in use, and the standard process metrics."""

    def __init__(self, registry: Registry, settings: TelemetrySettings) -> None:
        """Register the families; nothing runs before `start`."""
        self._metrics = RuntimeMetrics(registry, culprit_budget=settings.culprit_budget)
        self._process = ProcessReader(ProcessMetrics(registry))
        self._settings = settings
        self._running: _Running | None = None
        since = started_at()
        if since is not None:
            Gauge(conventions.PROCESS_START_TIME, registry).set(since)

    def start(self) -> None:
        """Watch the running asyncio loop. Does nothing on one that is watched already, or under trio."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if loop not in _watched:
            _watched.add(loop)
            self._running = _Running(loop, self._metrics, self._process, self._settings)

    def stop(self) -> None:
        """Watch no more; call it on the loop. Does nothing when nothing is watched."""
        if self._running is not None:
            self._running.stop()
            self._running = None


class _Running:
    """The parts that run, for one loop."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        metrics: RuntimeMetrics,
        process: ProcessReader,
        settings: TelemetrySettings,
    ) -> None:
        self._loop = loop
        self._metrics = metrics
        self._threads: CapacityLimiter = current_default_thread_limiter()
        self._heartbeat = Heartbeat(loop, settings.loop_lag_interval, self._woke)
        self._watchdog = Watchdog(
            loop,
            self._heartbeat,
            metrics,
            threshold=settings.loop_blocked_threshold,
            refresh=process.refresh,
        )
        process.refresh()
        self._show_threads()
        self._heartbeat.start()
        self._watchdog.start()

    def stop(self) -> None:
        self._heartbeat.stop()
        self._watchdog.stop()
        _watched.discard(self._loop)

    def _woke(self, late: float) -> None:
        self._metrics.loop_woke(late)
        self._show_threads()

    def _show_threads(self) -> None:
        self._metrics.thread_pool(self._threads.total_tokens, self._threads.borrowed_tokens)
