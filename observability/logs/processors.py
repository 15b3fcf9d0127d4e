"""What happens to every record on its way out, those of other libraries included."""

import logging
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic
from typing import Any

import structlog
from structlog.typing import EventDict

from observability import context
from observability.redaction import redacted

# So often is the same error said in a row of seconds; then it is counted.
REPEATS, SECONDS = 10, 60.0
_TOLD_APART = 500
_ERRORS = frozenset({"error", "critical"})


def add_ids(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Name the trace and the span of the current request or job, or of that which the error has ended."""
    record = context.current()
    ids = context.ids_of(_error_of(event.get("exc_info"))) if record is None else record.ids()
    for name, value in ids.items():
        event.setdefault(name, value)
    return event


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Take secrets out."""
    return {name: redacted(name, value) for name, value in event.items()}


@dataclass(slots=True)
class _Said:
    since: float
    count: int = 0


class RepeatLimit:
    """Lets an error be said so often a minute, and then says how often it was not."""

    def __init__(self, repeats: int = REPEATS, seconds: float = SECONDS) -> None:
        """The same error is one of the same event, in its first line, and of the same exception."""
        self._repeats = repeats
        self._seconds = seconds
        self._said: OrderedDict[tuple[str, str], _Said] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        """Pass the event on or drop it."""
        if event.get("level") not in _ERRORS:
            return event
        suppressed = self._count(_key(event), monotonic())
        if suppressed is None:
            raise structlog.DropEvent
        return {**event, "suppressed": suppressed} if suppressed else event

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass on or drop a record of the standard library, where an event cannot be dropped any more."""
        if record.levelno < logging.ERROR:
            return True
        message = {"event": record.getMessage(), "exc_info": record.exc_info}
        return self._count(_key(message), monotonic()) is not None

    def _count(self, key: tuple[str, str], now: float) -> int | None:
        """How often it was kept back before, None when it is to be now."""
        with self._lock:
            return self._count_alone(key, now)

    def _count_alone(self, key: tuple[str, str], now: float) -> int | None:
        said = self._said.get(key)
        if said is None or now - said.since >= self._seconds:
            suppressed = max(said.count - self._repeats, 0) if said else 0
            self._said[key] = _Said(now, 1)
            self._said.move_to_end(key)
            if len(self._said) > _TOLD_APART:
                self._said.popitem(last=False)
            return suppressed
        said.count += 1
        return None if said.count > self._repeats else 0


def _key(event: EventDict) -> tuple[str, str]:
    error = event.get("exc_info")
    kind = type(error[1] if isinstance(error, tuple) else error).__name__ if error else ""
    return str(event.get("event", "")).partition("\n")[0], kind


def _error_of(exc_info: Any) -> BaseException | None:
    """The exception that a logger was told of in one of the ways in which it can be."""
    if isinstance(exc_info, tuple):
        error: BaseException | None = exc_info[1]
        return error
    if isinstance(exc_info, BaseException):
        return exc_info
    return sys.exception() if exc_info else None
