"""Spans as they are while nobody knows yet whether the trace is kept: tuples in a list.

What calls measure, they hand over as it is; only when the trace is kept does `describe` make names and attributes of it.
"""

import heapq
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeAlias

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from observability.context import RequestRecord

# A request with ten thousand queries keeps so many of the first ones, and of the slowest and failed of the rest.
FIRST, SLOWEST = 64, 16

Attributes: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What a span says; who says the same again and again may give the same object.

    Attributes:
        name: Its name.
        kind: Its kind.
        attributes: Its attributes, by the names of `conventions`.
        previous: Id of a span of the same trace that it takes up again, or 0.
    """

    name: str
    kind: SpanKind
    attributes: Attributes
    previous: int = 0


Describe: TypeAlias = Callable[..., Facts]


class OpenSpan:
    """A span under way that others may be inside of."""

    __slots__ = ("_number", "error_type", "is_indispensable", "outer")

    def __init__(self, outer: "Parent", number: int = 0) -> None:
        self.outer = outer
        self.error_type = ""
        self.is_indispensable = False
        self._number = number

    @property
    def number(self) -> int:
        """Its id."""
        self._number = self._number or random.getrandbits(64) or 1
        return self._number


# Inside of what: one of ours, a span that the application opened itself, or the request's own.
Parent: TypeAlias = OpenSpan | SpanContext | None
# Start and end by `time.perf_counter()`, parent, type of the error or "", what describes it, and of what; the span itself
# where others may be inside of it.
Buffered: TypeAlias = tuple[float, float, Parent, str, Describe, tuple[Any, ...], OpenSpan | None]

_open: ContextVar[OpenSpan | None] = ContextVar("observability_open_span", default=None)


@dataclass(slots=True)
class Buffer:
    """The spans of one request: the first ones, and of the others the slowest and those that failed."""

    first: list[Buffered] = field(default_factory=list)
    others: list[tuple[float, int, Buffered]] = field(default_factory=list)
    count: int = 0

    def add(self, span: Buffered) -> None:
        """Keep a span that is over."""
        self.count += 1
        if len(self.first) < FIRST or (span[6] is not None and span[6].is_indispensable):
            self.first.append(span)
            return
        weight = float("inf") if span[3] else span[1] - span[0]
        entry = (weight, -self.count, span)
        if len(self.others) < SLOWEST:
            heapq.heappush(self.others, entry)
        else:
            heapq.heappushpop(self.others, entry)

    def spans(self) -> list[Buffered]:
        """Those that were kept, in the order in which they began."""
        return sorted([*self.first, *(span for _, _, span in self.others)], key=_start)

    @property
    def omitted(self) -> int:
        """How many were not."""
        return self.count - len(self.first) - len(self.others)


def _start(span: Buffered) -> float:
    return span[0]


def add_span(
    record: RequestRecord,
    started_at: float,
    ended_at: float,
    error_type: str,
    describe: Describe,
    *details: Any,
) -> None:
    """Remember a call that is over, if its request is traced; `describe(*details)` is called if the trace is kept."""
    if record.is_traced:
        buffer = record.spans
        if buffer is None:
            buffer = record.spans = Buffer()
        buffer.add((started_at, ended_at, _parent(record), error_type, describe, details, None))


def _parent(record: RequestRecord) -> Parent:
    if record.server_span is None:
        return _open.get()
    # The application may open spans of its own around the call, but only where they are recorded.
    span = get_current_span()
    if isinstance(span, _Shown):
        return span.own
    found = span.get_span_context()
    return found if found.trace_flags.sampled else _open.get()


@contextmanager
def open_span(record: RequestRecord | None, describe: Describe, *details: Any) -> Iterator[OpenSpan]:
    """A span around the block, which spans of the block will be inside of; `describe(*details)` is called after it."""
    if record is None or not record.is_traced:
        yield OpenSpan(None)
        return
    span, started_at = OpenSpan(_parent(record)), perf_counter()
    outside = _enter(record, span)
    try:
        yield span
    except GeneratorExit:
        raise  # who iterates has had enough: no error
    except BaseException as error:
        span.error_type = type(error).__name__
        raise
    finally:
        _leave(span, *outside)
        buffer = record.spans = record.spans or Buffer()
        buffer.add((started_at, perf_counter(), span.outer, span.error_type, describe, details, span))


@contextmanager
def inside_of(record: RequestRecord) -> Iterator[None]:
    """Let spans of the block be inside of a record's own span that no server makes, such as a job's."""
    own = OpenSpan(None, record.span_number)
    if record.is_sampled and record.is_traced:
        flags = TraceFlags(TraceFlags.SAMPLED)
        record.server_span = NonRecordingSpan(
            SpanContext(record.trace_number, record.span_number, is_remote=False, trace_flags=flags)
        )
    outside = _enter(record, own)
    try:
        yield
    finally:
        _leave(own, *outside)


class _Shown(NonRecordingSpan):
    """One of ours, as the application sees it: where a trace is chosen, spans that it opens itself are recorded."""

    def __init__(self, own: OpenSpan, request: SpanContext) -> None:
        super().__init__(request)
        self.own = own

    def get_span_context(self) -> SpanContext:
        """Asked for by a span that is going to be inside of it, and is exported whatever becomes of ours."""
        self.own.is_indispensable = True
        request = super().get_span_context()
        return SpanContext(
            request.trace_id, self.own.number, request.is_remote, request.trace_flags, request.trace_state
        )


def _enter(record: RequestRecord, span: OpenSpan) -> tuple[OpenSpan | None, Context | None]:
    """Let what follows be inside of this span; gives what it was inside of before."""
    outer = _open.get()
    _open.set(span)
    if record.server_span is None:
        return outer, None
    context = get_current()
    attach(set_span_in_context(_Shown(span, record.server_span.get_span_context()), context))
    return outer, context


def _leave(span: OpenSpan, outer: OpenSpan | None, context: Context | None) -> None:
    # Generators may end in another context than the one in which they began; that one knows nothing of the span.
    if _open.get() is span:
        _open.set(outer)
    if context is not None:
        shown = get_current_span()
        if isinstance(shown, _Shown) and shown.own is span:
            attach(context)


def current_span_number(record: RequestRecord) -> int:
    """The id of the innermost span under way."""
    parent = _parent(record)
    if parent is None:
        return record.span_number
    return parent.number if isinstance(parent, OpenSpan) else parent.span_id
