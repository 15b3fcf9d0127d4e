"""What is known about the request being served, reachable from anywhere that runs on its behalf."""

import random
import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import Context, ContextVar, Token
from typing import Any

Headers = Iterable[tuple[bytes, bytes]]
Scope = Mapping[str, Any]

# https://www.w3.org/TR/trace-context-2/#traceparent-header
_TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_SAMPLED = 0x01
# OpenTelemetry's TraceIdRatioBased looks at these bits of a trace id.
_RATIO_BITS = (1 << 64) - 1


_NOWHERE: Scope = {}


class RequestRecord:
    """The running account of one request: its ids, and what it cost so far.

    Attributes:
        trace_number: The trace id as a number, the caller's when it sent a valid `traceparent`.
        parent_id: 16 hex digits of the caller's span, or empty.
        scope: The ASGI scope as the routers got it.
        is_sampled: Whether the trace is kept whatever happens.
        is_shed: Whether the request was refused under load.
        route: Template of the route, empty until it is known.
        query_count: Database queries so far.
        db_seconds: Time spent in database queries.
        cache_seconds: Time spent in Redis.
        ended_at: `time.perf_counter()` when the last byte went out, 0 before.
        recorders: What records the signals of the application (`metrics.recorders.Recorders`), or None.
        spans: Room for spans buffered until it is known whether the trace is kept.
        open_fills: When the cache keys that this request missed were missed.
        culprit: `module:function` that blocked the event loop during the request, or empty.
    """

    # Defaults of the class: a request pays only for what it sets.
    scope: Scope = _NOWHERE
    is_shed = False
    route = ""
    query_count = 0
    db_seconds = 0.0
    cache_seconds = 0.0
    ended_at = 0.0
    recorders: Any = None
    spans: list[tuple[Any, ...]] | None = None
    open_fills: dict[str, float] | None = None
    culprit = ""
    _span_number = 0

    def __init__(self, trace_number: int, parent_id: str, *, is_sampled: bool) -> None:
        # Most requests never show their ids: inventing and spelling them out can wait.
        self.trace_number = trace_number
        self.parent_id = parent_id
        self.is_sampled = is_sampled

    @property
    def trace_id(self) -> str:
        """The trace id in 32 hex digits."""
        return f"{self.trace_number:032x}"

    @property
    def span_id(self) -> str:
        """The id of this request's own span in 16 hex digits."""
        self._span_number = self._span_number or random.getrandbits(64) or 1
        return f"{self._span_number:016x}"

    @property
    def traceparent(self) -> str:
        """What tells others that they work on behalf of this request (W3C Trace Context)."""
        return f"00-{self.trace_id}-{self.span_id}-{self.is_sampled:02x}"

    @property
    def exemplar(self) -> str:
        """The trace id when the trace is kept, else empty: an exemplar must lead somewhere."""
        return f"{self.trace_number:032x}" if self.is_sampled else ""


class Sampler:
    """Gives each request its ids and decides whether its trace is kept from the start."""

    __slots__ = ("_bound",)

    def __init__(self, ratio: float) -> None:
        """Keep `ratio` (0 to 1) of the traces that start here; callers decide about theirs."""
        self._bound = round(ratio * (_RATIO_BITS + 1))

    def start(self, headers: Headers) -> RequestRecord:
        """The record of a request that came with these headers."""
        for name, value in headers:
            if name == b"traceparent" and (parent := _parse(value)):
                trace_id, parent_id, is_sampled = parent
                return RequestRecord(trace_id, parent_id, is_sampled=is_sampled)
        number = random.getrandbits(128) or 1
        return RequestRecord(number, "", is_sampled=(number & _RATIO_BITS) < self._bound)


def _parse(value: bytes) -> tuple[int, str, bool] | None:
    match = _TRACEPARENT.fullmatch(value.strip())
    if match is None:
        return None
    version, trace_id, parent_id, flags, rest = match.groups()
    if version == b"00" and rest:
        return None
    return int(trace_id, 16), parent_id.decode(), bool(int(flags, 16) & _SAMPLED)


_current: ContextVar[RequestRecord | None] = ContextVar("observability_request", default=None)


def current() -> RequestRecord | None:
    """The record of the request being served, also inside its threads and background tasks."""
    return _current.get()


def of(context: Context) -> RequestRecord | None:
    """The record that code running in `context` sees as the current one."""
    return context.get(_current)


# Make a record the current one, and restore what was current before by the token that this gave.
# Bound methods of the variable: every request passes here.
enter: Callable[[RequestRecord], Token[RequestRecord | None]] = _current.set
leave: Callable[[Token[RequestRecord | None]], None] = _current.reset


def mark_shed() -> None:
    """Say that the current request is refused to protect the service; call it before answering 503."""
    record = _current.get()
    if record is not None:
        record.is_shed = True
