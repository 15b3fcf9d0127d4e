"""Who may be called now: no server gets more of a worker than its share, and one that does not answer gets next to nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from service.infra.jobs.handlers import Postpone

log = structlog.get_logger(__name__)

# How many calls a server gets at once: before it has answered, when its last call was answered, when it was not.
UNKNOWN, ANSWERING, FAILING = 2, 4, 1
FAILURES_TO_OPEN = 5
# How long a server is left alone, and how long anything waits before it asks again: in seconds.
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 300.0
LEAST_PACE, MOST_PACE = 0.02, 1.0


@dataclass(slots=True)
class _Server:
    """Times are by the clock of `Targets`.

    Attributes:
        calls: Calls under way.
        allowed: How many those may be.
        failures: Calls without an answer since the last that had one.
        pause_ends: Left alone until then.
        queue_ends: When the last of those that were sent away is expected back.
        pace: Seconds between two of them: those who come back together would be sent away again, and while they
            come and go nobody else gets a turn.
    """

    calls: int = 0
    allowed: int = UNKNOWN
    failures: int = 0
    pause_ends: float = 0.0
    queue_ends: float = 0.0
    pace: float = 0.1


@dataclass(slots=True)
class Call:
    """A call under way."""

    was_answered: bool = False


class Targets:
    """The servers that this process sends to, as it has seen them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._servers: dict[str, _Server] = {}

    @contextmanager
    def call(self, name: str) -> Iterator[Call]:
        """Call a server; say in the block when it has answered, whatever the answer.

        Raises:
            Postpone: Not now.
        """
        began = self._clock()
        server = self._servers.setdefault(name, _Server())
        self._require_turn(name, server, began)
        server.calls += 1
        call = Call()
        try:
            yield call
            self._learn(name, server, began, was_answered=call.was_answered)
        finally:
            server.calls -= 1
            if not server.calls and not server.failures and server.queue_ends <= self._clock():
                del self._servers[name]

    def _require_turn(self, name: str, server: _Server, now: float) -> None:
        if server.pause_ends <= now and server.calls < server.allowed:
            return
        latest = now + LONGEST_PAUSE
        server.queue_ends = min(max(server.queue_ends, server.pause_ends, now) + server.pace, latest)
        reason = f"{name} is left alone or has enough to do"
        raise Postpone(reason, delay=timedelta(seconds=server.queue_ends - now))

    def _learn(self, name: str, server: _Server, began: float, *, was_answered: bool) -> None:
        now = self._clock()
        server.pace = min(max((now - began) / ANSWERING, LEAST_PACE), MOST_PACE)
        if was_answered:
            server.failures, server.allowed = 0, ANSWERING
            return
        server.failures, server.allowed = server.failures + 1, FAILING
        if server.failures >= FAILURES_TO_OPEN:
            pause = _pause(server.failures - FAILURES_TO_OPEN)
            server.pause_ends = now + pause
            log.warning("webhook_target_left_alone", target=name, seconds=pause)


def _pause(before: int) -> float:
    """Twice as long each time."""
    doubled = FIRST_PAUSE
    for _ in range(before):
        doubled *= 2
        if doubled >= LONGEST_PAUSE:
            return LONGEST_PAUSE
    return doubled
