"""The span of one request or WebSocket, as the SDK keeps it."""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags, get_current_span
from opentelemetry.util.types import Attributes

from observability import conventions, span_conventions
from observability.context import RequestRecord, Scope
from observability.redaction import redacted_query

RouteOf = Callable[[Scope], str]

# By its present name, and by the former ones that the environment may choose.
_WITH_QUERY = {span_conventions.QUERY, "http.target", "http.url"}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_SAMPLED_AND_RANDOM = TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)
_NOTHING: Mapping[str, Any] = {}


class ServerSpan(Span):
    """The span of a request, which says at its end what is known by then, and when that was."""

    route_of: RouteOf

    def __init__(
        self,
        provider: TracerProvider,
        scope: InstrumentationScope,
        record: RequestRecord,
        context: Context | None,
        attributes: Attributes,
    ) -> None:
        """What a tracer of the SDK would make, which would ask a sampler and invent an id."""
        caller = get_current_span(context).get_span_context()
        super().__init__(
            method_of(record.scope),
            SpanContext(
                record.trace_number,
                record.span_number,
                is_remote=False,
                trace_flags=_SAMPLED_AND_RANDOM
                if not caller.is_valid or caller.trace_flags.random_trace_id
                else _SAMPLED,
                trace_state=caller.trace_state,
            ),
            caller if caller.is_valid else None,
            resource=provider.resource,
            attributes=attributes,
            kind=SpanKind.SERVER,
            span_processor=provider._active_span_processor,  # noqa: SLF001  nothing public gives it
            limits=provider._span_limits,  # noqa: SLF001  likewise
            instrumentation_scope=scope,
        )
        self.record = record
        self.said: Mapping[str, Any] = dict(attributes or {})

    def set_attribute(self, key: str, value: Any) -> None:
        """Set it, unless it is one that the span was started with: the instrumentation says those twice."""
        if self.said.get(key) is not value or value is None:
            self.said = _NOTHING
            super().set_attribute(key, value)

    def record_exception(self, exception: BaseException, *_: Any, **__: Any) -> None:
        """Record it as raised when the request ended."""
        record = self.record
        super().record_exception(exception, timestamp=record.wall_clock(record.ended_at or perf_counter()))

    def end(self, end_time: int | None = None) -> None:
        """End when the last byte went out."""
        del end_time
        record = self.record
        self._name_it(record.route or self.route_of(record.scope))
        if record.scope.get("query_string"):
            self._hide_secrets()
        if record.culprit:
            described = {
                span_conventions.CULPRIT: record.culprit,
                span_conventions.CULPRIT_STACK: record.culprit_stack,
            }
            self.add_event(
                span_conventions.LOOP_BLOCKED_EVENT, described, record.wall_clock(record.blocked_at)
            )
        if record.spans is not None and record.spans.omitted:
            self.set_attribute(span_conventions.OMITTED, record.spans.omitted)
        super().end(record.wall_clock(record.ended_at or perf_counter()))

    def _name_it(self, route: str) -> None:
        if route != conventions.UNMATCHED:
            self.set_attribute(span_conventions.ROUTE, route)
            self.update_name(f"{method_of(self.record.scope)} {route}".lstrip())

    def _hide_secrets(self) -> None:
        said = self.attributes or _NOTHING
        for attribute in _WITH_QUERY & said.keys():
            self.set_attribute(attribute, redacted_query(str(said[attribute])))


def method_of(scope: Scope) -> str:
    """How the span of a request begins; that of a WebSocket does not."""
    if scope["type"] != "http":
        return ""
    return scope["method"] if scope["method"] in conventions.KNOWN_METHODS else "HTTP"
