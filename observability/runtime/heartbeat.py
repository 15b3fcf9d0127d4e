"""The half of the watch that runs on the event loop: it wakes at a fixed pace and notes how late."""

import sys
import threading
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from contextvars import Context
from time import perf_counter
from types import CodeType


class Block:
    """One stretch of time in which the loop did not get to its heartbeat."""

    __slots__ = ("_over", "ended_at", "started_at")

    def __init__(self, started_at: float, over: Callable[[], None]) -> None:
        """The loop should have woken at `started_at`; call `over` when it does."""
        self.started_at = started_at
        self.ended_at = 0.0
        self._over = over

    def end(self, now: float) -> None:
        """The loop runs again, as of this moment of `time.perf_counter()`."""
        self.ended_at = now
        self._over()


class Heartbeat:
    """Wakes on the loop again and again. Other threads may read `due` and `boundary`, and set `block`.

    Attributes:
        due: When the next beat should come, in seconds of `perf_counter`.
        boundary: Code of the function that calls the loop's callbacks.
        block: Told once that the loop wakes.
        thread_id: The thread that runs the loop.
    """

    def __init__(self, loop: AbstractEventLoop, interval: float, woke: Callable[[float], None]) -> None:
        """Beat every `interval` seconds and tell `woke` how many seconds late."""
        self._loop = loop
        self._interval = interval
        self._woke = woke
        # Its own, or the request that happened to start it would be remembered for ever.
        self._context = Context()
        self._handle: TimerHandle | None = None
        self.block: Block | None = None
        self.boundary: CodeType | None = None
        self.due = 0.0
        self.thread_id = 0

    def start(self) -> None:
        """Beat from now on; call it on the loop."""
        self.thread_id = threading.get_ident()
        self._schedule(perf_counter())

    def stop(self) -> None:
        """Beat no more; call it on the loop."""
        if self._handle is not None:
            self._handle.cancel()

    def _schedule(self, now: float) -> None:
        self.due = now + self._interval
        self._handle = self._loop.call_later(self._interval, self._beat, context=self._context)

    def _beat(self) -> None:
        # asyncio calls callbacks from Handle._run; uvloop from C, so that whoever runs the loop is next.
        self.boundary = sys._getframe(1).f_code  # noqa: SLF001  the documented way to one's caller
        now = perf_counter()
        self._woke(max(now - self.due, 0.0))
        block, self.block = self.block, None
        if block is not None:
            block.end(now)
        self._schedule(now)
