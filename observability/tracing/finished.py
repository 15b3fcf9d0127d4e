"""Spans of calls that are over, made without what the SDK does for spans under way."""

import functools
from collections.abc import Sequence
from typing import Any, TypeAlias

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, Tracer, set_span_in_context

from observability import span_conventions
from observability.tracing.buffer import Facts
from observability.tracing.ids import given_ids

_NAME = "observability"
_UNSET, _FAILED = Status(), Status(StatusCode.ERROR)


# Context, context of the parent, what it says, start and end in nanoseconds since the Unix epoch, type of the error or "".
Finished: TypeAlias = tuple[SpanContext, SpanContext, Facts, int, int, str]


class FinishedSpans:
    """Gives them to the processors of a provider, as its tracer would."""

    def __init__(self, provider: TracerProvider) -> None:
        """Take processors, limits and resource of `provider`."""
        self.tracer: Tracer = provider.get_tracer(_NAME)
        self._provider = provider
        self._processor = provider._active_span_processor  # noqa: SLF001  nothing public gives it
        self._limits = provider._span_limits  # noqa: SLF001  likewise
        self._scope = InstrumentationScope(_NAME, "")
        # Checking attributes is what a span costs most, and most calls say what others have said.
        self._checked = functools.lru_cache(maxsize=1_024)(self._check)

    def add(self, spans: Sequence[Finished]) -> None:
        """Give these to the processors."""
        add = self._start_and_end if self._is_told_of_starts() else self._end
        for span in spans:
            add(*span)

    def _is_told_of_starts(self) -> bool:
        """Whether a processor may do more than take what is over: some add attributes when a span starts."""
        processors: Sequence[Any] = self._processor._span_processors  # noqa: SLF001  nothing public gives them
        return any(
            type(each).on_start not in _DOES_NOTHING or type(each)._on_ending not in _DOES_NOTHING  # noqa: SLF001
            for each in processors
        )

    def _end(
        self,
        context: SpanContext,
        parent: SpanContext,
        facts: Facts,
        started_at: int,
        ended_at: int,
        error_type: str,
    ) -> None:
        span = ReadableSpan(
            facts.name,
            context,
            parent,
            self._provider.resource,
            self._checked(facts, error_type),
            kind=facts.kind,
            status=_FAILED if error_type else _UNSET,
            start_time=started_at,
            end_time=ended_at,
            instrumentation_scope=self._scope,
        )
        self._processor.on_end(span)

    def _check(self, facts: Facts, error_type: str) -> BoundedAttributes:
        """What the SDK would make of the attributes."""
        limits, attributes = self._limits, facts.attributes
        if error_type:
            attributes = {**attributes, span_conventions.ERROR_TYPE: error_type}
        return BoundedAttributes(
            limits.max_span_attributes, attributes, max_value_len=limits.max_span_attribute_length
        )

    def _start_and_end(
        self,
        context: SpanContext,
        parent: SpanContext,
        facts: Facts,
        started_at: int,
        ended_at: int,
        error_type: str,
    ) -> None:
        inside = set_span_in_context(NonRecordingSpan(parent), Context())
        with given_ids(context.trace_id, context.span_id):
            span = self.tracer.start_span(
                facts.name, inside, facts.kind, facts.attributes, start_time=started_at
            )
        if error_type:
            span.set_attribute(span_conventions.ERROR_TYPE, error_type)
            span.set_status(_FAILED)
        span.end(ended_at)


_DOES_NOTHING = {
    getattr(processor, method)
    for processor in (BatchSpanProcessor, SimpleSpanProcessor)
    for method in ("on_start", "_on_ending")
}
