"""What a response tells its client about itself."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from observability import header_conventions
from observability.context import RequestRecord
from observability.settings import TelemetrySettings

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
Dress: TypeAlias = Callable[[Headers, RequestRecord, float], Headers]

_PROCESS_TIME = header_conventions.PROCESS_TIME.lower().encode()
_SERVER_TIMING = header_conventions.SERVER_TIMING.lower().encode()
_TRACE_ID = header_conventions.TRACE_ID.lower().encode()
_SET_BY_US = frozenset({_PROCESS_TIME, _TRACE_ID})


def dress_for(settings: TelemetrySettings) -> Dress:
    """The function that adds to a response's headers what the settings want told, given the seconds until its start."""
    if not settings.response_headers:
        return _as_they_are
    return _with_timing if settings.server_timing else _without_timing


def _as_they_are(headers: Headers, _record: RequestRecord, _seconds: float) -> Headers:
    return headers


def _without_timing(headers: Headers, record: RequestRecord, seconds: float) -> list[tuple[bytes, bytes]]:
    for name, _ in headers:
        if name in _SET_BY_US:  # by the application itself: that would contradict
            headers = [header for header in headers if header[0] not in _SET_BY_US]
            break
    return [
        *headers,
        (_PROCESS_TIME, b"%.6f" % seconds),
        (_TRACE_ID, b"%032x" % record.trace_number),
    ]


def _with_timing(headers: Headers, record: RequestRecord, seconds: float) -> Headers:
    db, cache = record.db_seconds, record.cache_seconds
    # Formatting a float costs more than asking whether it is worth it.
    timing = (
        b"app;dur=%.3f, db;dur=%.3f, cache;dur=%.3f" % (seconds * 1e3, db * 1e3, cache * 1e3)
        if db or cache
        else b"app;dur=%.3f, db;dur=0, cache;dur=0" % (seconds * 1e3)
    )
    dressed = _without_timing(headers, record, seconds)
    dressed.append((_SERVER_TIMING, timing))
    return dressed
