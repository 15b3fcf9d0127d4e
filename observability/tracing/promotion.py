"""From buffered spans to real ones, with the times they had."""

import random
from collections.abc import Iterable

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from observability.context import RequestRecord
from observability.tracing.buffer import Buffer, Buffered, Facts, OpenSpan, Parent
from observability.tracing.finished import Finished, FinishedSpans
from observability.tracing.ids import given_ids

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def promote(finished: FinishedSpans, record: RequestRecord) -> None:
    """Give away everything that was buffered for this request, inside of the request's own span."""
    buffer: Buffer | None = record.spans
    if buffer is None:
        return
    record.spans = None
    spans = buffer.spans()
    present = {span[6] for span in spans if span[6] is not None}
    own = _context(record, record.span_number)
    finished.add([_finished(record, span, _parent(record, span[2], present, own)) for span in spans])


def start_own(tracer: Tracer, record: RequestRecord, facts: Facts) -> Span:
    """The record's own span where no server makes one, such as a job's."""
    inside = Context()
    if record.parent_id:
        inside = remote_context(record.trace_number, record.parent_id, is_sampled=record.is_sampled)
    with given_ids(record.trace_number, record.span_number):
        return tracer.start_span(
            facts.name,
            inside,
            facts.kind,
            facts.attributes,
            [Link(_context(record, facts.previous))] if facts.previous else (),
            start_time=record.wall_clock(record.started_at),
        )


def remote_context(
    trace_number: int, parent_id: str, *, is_sampled: bool, base: Context | None = None
) -> Context:
    """The context of a span whose parent is in another process."""
    flags = _SAMPLED if is_sampled else TraceFlags(TraceFlags.DEFAULT)
    parent = SpanContext(trace_number, int(parent_id, 16), is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(parent), base)


def _parent(
    record: RequestRecord, parent: Parent, present: Iterable[OpenSpan], own: SpanContext
) -> SpanContext:
    while isinstance(parent, OpenSpan) and parent not in present:
        parent = parent.outer
    if isinstance(parent, OpenSpan):
        return _context(record, parent.number)
    return parent if parent is not None and parent.trace_id == own.trace_id else own


def _context(record: RequestRecord, span_number: int) -> SpanContext:
    return SpanContext(record.trace_number, span_number, is_remote=False, trace_flags=_SAMPLED)


def _finished(record: RequestRecord, span: Buffered, parent: SpanContext) -> Finished:
    started_at, ended_at, _, error_type, describe, details, own = span
    number = own.number if own else random.getrandbits(64) or 1
    return (
        _context(record, number),
        parent,
        describe(*details),
        record.wall_clock(started_at),
        record.wall_clock(ended_at),
        error_type,
    )
