"""What is known about the request or job under way, reachable from anywhere that runs on its behalf."""

import random
from collections.abc import Callable, Mapping
from contextvars import Context, ContextVar, Token
from time import perf_counter, time_ns
from typing import Any

Scope = Mapping[str, Any]

_NOWHERE: Scope = {}


class RequestRecord:
    """The running account of one request (or job): its ids, and what it cost so far.

    Attributes:
        trace_number: The trace id as a number, the caller's when it sent a valid `traceparent`.
        parent_id: 16 hex digits of the caller's span, or empty.
        scope: The ASGI scope as the routers got it.
        is_sampled: Whether the trace was chosen at its start; what `traceparent` tells others.
        is_kept: Whether the trace is exported: because it was chosen, or because the request failed or was slow.
        is_traced: Whether spans are worth buffering: they may be exported yet.
        is_shed: Whether the request was refused under load.
        limit: Name of the limit that put an end to the request, or empty.
        route: Template of the route, empty until it is known.
        query_count: Database queries so far.
        db_seconds: Time spent in database queries.
        command_count: Redis commands and pipelines so far.
        cache_seconds: Time spent in Redis.
        started_at: `time.perf_counter()` when it came.
        ended_at: `time.perf_counter()` when the last byte went out, 0 before.
        recorders: What records the signals of the application (`metrics.recorders.Recorders`), or None.
        spans: What `tracing.buffer` keeps of the calls made so far, or None.
        server_span: The span of OpenTelemetry that is under way for the request, or None.
        open_fills: When the cache keys that this request missed were missed.
        culprit: `module:function` that blocked the event loop during the request, or empty.
        culprit_stack: Where it was running, innermost function first.
        blocked_at: `time.perf_counter()` when the block began.
    """

    # Defaults of the class: a request pays only for what it sets.
    scope: Scope = _NOWHERE
    is_kept = False
    is_traced = False
    is_shed = False
    limit = ""
    route = ""
    query_count = 0
    db_seconds = 0.0
    command_count = 0
    cache_seconds = 0.0
    started_at = 0.0
    ended_at = 0.0
    recorders: Any = None
    spans: Any = None
    server_span: Any = None
    open_fills: dict[str, float] | None = None
    culprit = ""
    culprit_stack = ""
    blocked_at = 0.0
    _span_number = 0
    _epoch = 0

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
    def span_number(self) -> int:
        """The id of this request's own span as a number."""
        self._span_number = self._span_number or random.getrandbits(64) or 1
        return self._span_number

    @property
    def span_id(self) -> str:
        """The id of this request's own span in 16 hex digits."""
        return f"{self.span_number:016x}"

    @property
    def exemplar(self) -> str:
        """The trace id when the trace is kept, else empty: an exemplar must lead somewhere."""
        return f"{self.trace_number:032x}" if self.is_sampled or self.is_kept else ""

    def ids(self) -> dict[str, str]:
        """Both ids, by the names that they have in the log."""
        return {"trace_id": self.trace_id, "span_id": self.span_id}

    def keep(self) -> None:
        """Something failed on behalf of the request: its trace is worth keeping."""
        self.is_kept = self.is_kept or self.is_traced

    def adopt(self, trace_number: int, span_number: int, *, is_sampled: bool) -> None:
        """Take over the ids of a span that somebody else opened for the request."""
        self.trace_number, self._span_number, self.is_sampled = trace_number, span_number, is_sampled

    def wall_clock(self, moment: float) -> int:
        """Nanoseconds since the Unix epoch at a moment of `time.perf_counter()`, on one scale for the whole record."""
        self._epoch = self._epoch or time_ns() - int(perf_counter() * 1e9)
        return self._epoch + int(moment * 1e9)


_IDS = "_observability_ids"

_current: ContextVar[RequestRecord | None] = ContextVar("observability_request", default=None)


def of(context: Context) -> RequestRecord | None:
    """The record that code running in `context` sees as the current one."""
    return context.get(_current)


# The record of the request being served, also inside its threads and background tasks.
current: Callable[[], RequestRecord | None] = _current.get
# Make a record the current one, and restore what was current before by the token that this gave.
# Bound methods of the variable: every request passes here.
enter: Callable[[RequestRecord | None], Token[RequestRecord | None]] = _current.set
leave: Callable[[Token[RequestRecord | None]], None] = _current.reset


def mark_shed() -> None:
    """Say that the current request is refused to protect the service; call it before answering 503."""
    record = _current.get()
    if record is not None:
        record.is_shed = True


def mark_limit(limit: str) -> None:
    """Say that the current request ends because of a limit, one of a bounded set of names; call it before answering."""
    record = _current.get()
    if record is not None:
        record.limit = limit


def mark_error(error: BaseException, record: RequestRecord) -> None:
    """Note on the error which request or job it ends: who logs it may do so when that is over."""
    # Not as an attribute: some classes refuse those, and their errors would be lost to the refusal.
    error.__dict__[_IDS] = record.ids()


def ids_of(error: BaseException | None) -> dict[str, str]:
    """The ids of the request or job that the error ended, as `RequestRecord.ids` gives them; empty when there was none."""
    ids: dict[str, str] = {} if error is None else error.__dict__.get(_IDS, {})
    return ids
