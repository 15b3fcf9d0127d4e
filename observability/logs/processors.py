"""What happens to every record on its way out, those of other libraries included."""

import logging
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeAlias

import structlog
from structlog.typing import EventDict

from observability import context
from observability.redaction import redacted

# So often is the same error said in a row of seconds; then it is counted.
REPEATS, SECONDS = 10, 60.0
_TOLD_APART = 500
SUPPRESSED = "suppressed"
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


# First line of the event, type of the exception, file and line that raised it.
_Key: TypeAlias = tuple[str, str, str, int]


@dataclass(slots=True)
class _Said:
    since: float
    count: int = 0


class RepeatLimit:
    """Lets an error be said so often a minute, and then says how often it was not."""

    def __init__(self, repeats: int = REPEATS, seconds: float = SECONDS) -> None:
        """The same error is one of the same event, in its first line, and of the same exception from the same place."""
        self._repeats = repeats
        self._seconds = seconds
        self._said: OrderedDict[_Key, _Said] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        """Pass the event on or drop it."""
        if event.get("level") not in _ERRORS:
            return event
        suppressed = self._count(_key(str(event.get("event", "")), event.get("exc_info")), monotonic())
        if suppressed is None:
            raise structlog.DropEvent
        return {**event, SUPPRESSED: suppressed} if suppressed else event

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass on or drop a record of the standard library, where an event cannot be dropped any more."""
        if record.levelno < logging.ERROR:
            return True
        try:
            key = _key(record.getMessage(), record.exc_info)
        except Exception:  # noqa: BLE001  what cannot be read is for the handler to complain of: it does not raise
            return True
        suppressed = self._count(key, monotonic())
        if suppressed:
            record.__dict__[SUPPRESSED] = suppressed
        return suppressed is not None

    def _count(self, key: _Key, now: float) -> int | None:
        """How often it was kept back before, None when it is to be now."""
        with self._lock:
            return self._count_alone(key, now)

    def _count_alone(self, key: _Key, now: float) -> int | None:
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


def _key(text: str, exc_info: Any) -> _Key:
    error = _error_of(exc_info)
    kind = "" if error is None else type(error).__name__
    return text.partition("\n")[0], kind, *_place_of(error)


def _error_of(exc_info: Any) -> BaseException | None:
    """The exception that a logger was told of in one of the ways in which it can be."""
    if isinstance(exc_info, tuple):
        error: BaseException | None = exc_info[1]
        return error
    if isinstance(exc_info, BaseException):
        return exc_info
    return sys.exception() if exc_info else None


def _place_of(error: BaseException | None) -> tuple[str, int]:
    step = None if error is None else error.__traceback__
    if step is None:
        return "", 0
    while step.tb_next is not None:
        step = step.tb_next
    return step.tb_frame.f_code.co_filename, step.tb_lineno
