"""The half of the watch that runs outside the event loop: it sees when the loop stops, and who stopped it.

A heartbeat that is overdue is a block only if
- a callback is running: a loop that still waits in its selector was not woken by the operating system; and
- there was time to run: if this thread woke late itself and the loop's thread hardly ran meanwhile, the process was
  suspended or starved, and the watch begins anew. A callback that holds the GIL makes this thread late too, but runs.
"""

import threading
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

import structlog

from observability.runtime.culprits import Stack, culprit_of, stack_of
from observability.runtime.heartbeat import Block, Heartbeat
from observability.runtime.requests import running_request

# A block that lasts this many seconds is logged before it ends: it may never end.
STUCK_AFTER = 5.0
_PLACES_LOGGED = 30
_PROCESS_INTERVAL = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """A moment to look at the loop: planned, and as it came."""

    planned_for: float
    came_at: float
    loop_ran: float

    def is_starved(self, tolerance: float) -> bool:
        """Whether this thread came late although the loop's thread left it half of that time. Seconds."""
        late = self.came_at - self.planned_for
        return late > tolerance and self.loop_ran < late / 2


@dataclass(frozen=True, slots=True)
class Sighting:
    """A block, and what was seen during it."""

    block: Block
    stack: Stack
    culprit: str
    trace_id: str

    def report(self, event: str, now: float) -> None:
        """Log it; a log that fails, whatever the application made of logging, must not end the watch."""
        with suppress(Exception):
            log.warning(
                event,
                culprit=self.culprit,
                seconds=round(now - self.block.started_at, 3),
                stack=spelled_out(self.stack),
                trace_id=self.trace_id,
            )


def spelled_out(stack: Stack) -> str:
    """A line for each of the innermost functions of a stack."""
    return "\n".join(str(place) for place in stack[:_PLACES_LOGGED])


class Watchdog:
    """Watches one loop from a thread of its own."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        heartbeat: Heartbeat,
        blocked: Callable[[str], None],
        *,
        threshold: float,
        refresh: Callable[[], None],
        stuck_after: float = STUCK_AFTER,
    ) -> None:
        """Tell `blocked` who keeps the heartbeat `threshold` seconds late, and log; call `refresh` about once a second."""
        self._loop = loop
        self._heartbeat = heartbeat
        self._blocked = blocked
        self._threshold = threshold
        self._refresh = refresh
        self._stuck_after = stuck_after
        self._refresh_at = 0.0
        self._excused_until = 0.0
        self._wake = threading.Event()
        self._is_stopped = False
        self.thread = threading.Thread(target=self._run, name="event-loop-watchdog", daemon=True)

    def start(self) -> None:
        """Watch from now on; call it on the loop."""
        self._loop_cpu = cpu_clock()
        self.thread.start()

    def stop(self) -> None:
        """Watch no more. Does not wait for the thread, which ends within milliseconds."""
        self._is_stopped = True
        self._wake.set()

    def _run(self) -> None:
        while not (self._is_stopped or self._loop.is_closed()):
            self._refresh_process()
            self._watch()

    def _refresh_process(self) -> None:
        now = perf_counter()
        if now >= self._refresh_at:
            self._refresh_at = now + _PROCESS_INTERVAL
            with suppress(OSError):
                self._refresh()

    def _watch(self) -> None:
        """Wait until the next beat would be overdue, and see whether it is."""
        look = self._wait_until(self._deadline())
        # Beats came while this thread slept: what counts is the last one. A callback that held the GIL is caught here.
        due = self._heartbeat.due
        if look is None or look.came_at < self._deadline():
            return
        sighting = None if look.is_starved(self._threshold / 2) else self._sight(due)
        if sighting is None:
            self._excused_until = look.came_at
        else:
            self._follow(sighting)

    def _deadline(self) -> float:
        return max(self._heartbeat.due, self._excused_until) + self._threshold

    def _wait_until(self, moment: float) -> Look | None:
        """A look at that moment, None when something else called first."""
        ran_before = self._loop_cpu()
        if self._wake.wait(max(moment - perf_counter(), 0.0)):
            self._wake.clear()
            return None
        return Look(moment, perf_counter(), self._loop_cpu() - ran_before)

    def _sight(self, due: float) -> Sighting | None:
        """What blocks the loop now; None when no callback runs, or the loop runs again."""
        heartbeat = self._heartbeat
        stack = stack_of(heartbeat.thread_id, heartbeat.boundary) if heartbeat.boundary else []
        record = running_request(self._loop)
        block = heartbeat.block = Block(due, self._wake.set)
        if not stack or heartbeat.due != due:
            heartbeat.block = None
            return None
        culprit = culprit_of(stack)
        if record is not None:
            record.culprit, record.culprit_stack, record.blocked_at = culprit, spelled_out(stack), due
        return Sighting(block, stack, culprit, record.trace_id if record else "")

    def _follow(self, sighting: Sighting) -> None:
        """Stay with a block until it ends."""
        self._blocked(sighting.culprit)
        if not self._wake.wait(self._stuck_after):
            sighting.report("event_loop_stuck", perf_counter())
            self._wake.wait()
        self._wake.clear()
        sighting.report("event_loop_blocked", sighting.block.ended_at or perf_counter())


def cpu_clock() -> Callable[[], float]:
    """Tells the CPU seconds of the calling thread, also to others; of the whole process where threads have no clock."""
    clock_of = getattr(time, "pthread_getcpuclockid", None)
    if clock_of is None:
        return time.process_time
    clock = clock_of(threading.get_ident())

    def cpu() -> float:
        try:
            return time.clock_gettime(clock)
        except OSError:
            return 0.0  # the thread is gone

    return cpu
