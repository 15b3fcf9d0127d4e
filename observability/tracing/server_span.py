"""The spans of requests and WebSockets, saying what opentelemetry-instrumentation-fastapi says of them.

What a span says is asked of that package, with its settings: captured headers, excluded addresses, the choice of
conventions. When it is made is decided here: at the start of a request that was chosen, at the end of one that is kept
because of how it ended, by the same code. Running requests through that package's middleware costs three times as much.
"""

import os
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.instrumentation._semconv import (
    OTEL_SEMCONV_STABILITY_OPT_IN,
    _get_schema_url,
    _OpenTelemetrySemanticConventionStability,
    _OpenTelemetryStabilitySignalType,
    _StabilityMode,
)
from opentelemetry.instrumentation.asgi import (
    collect_custom_headers_attributes,
    collect_request_attributes,
    get_host_port_url_tuple,
    set_status_code,
)
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.util.http import (
    OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS,
    OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST,
    OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE,
    SanitizeValue,
    get_custom_headers,
    get_excluded_urls,
    normalise_request_header_name,
    normalise_response_header_name,
)

from observability import conventions, span_conventions
from observability.context import RequestRecord, Scope, current
from observability.header_conventions import BAGGAGE
from observability.redaction import redacted_query
from observability.tracing.exceptions import record_exception
from observability.tracing.promotion import remote_context

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

_SCOPE = "observability"
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_SAMPLED_AND_RANDOM = TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)
# Headers that attributes are made of: all are decoded again for each.
_READ = {b"host", b"user-agent"}
_DESCRIBING = ("method", "scheme", "path", "query_string", "root_path", "client", "server")
_BAGGAGE = BAGGAGE.encode()
# By its present name, and by the former ones that the environment may choose.
_WITH_QUERY = {span_conventions.QUERY, "http.target", "http.url"}


class Ending(NamedTuple):
    """How a request ended.

    Attributes:
        status: The status code that was sent, 0 when none was.
        headers: Of the response, as the application gave them.
        error: What broke the request off, or what the response is because of; None when it came after the response.
    """

    status: int = 0
    headers: Headers = ()
    error: BaseException | None = None


class _ServerSpan(Span):
    """Made without a tracer, which would ask a sampler and invent an id; the SDK insists on a class of its own for that."""

    # What it was made of, and the attributes that came of it.
    described: tuple[Any, ...] = ()
    description: Iterable[str] = ()

    def describe_anew(self, attributes: Mapping[str, Any]) -> None:
        """Say these attributes in place of those that it was made with."""
        present = cast("MutableMapping[str, Any]", self._attributes)
        for name in self.description:
            present.pop(name, None)
        self.set_attributes(attributes)


class _WithoutSpan(NonRecordingSpan):
    """What is current in a request whose span is not made yet: spans inside are of its trace, and not recorded."""

    def get_span_context(self) -> SpanContext:
        """The ids of the request under way; the same object serves all of them."""
        record = current()
        if record is None:
            return super().get_span_context()
        return SpanContext(record.trace_number, record.span_number, is_remote=False)


_WITHOUT_SPAN = _WithoutSpan(INVALID_SPAN_CONTEXT)
# Made once: a request that is not chosen pays for no more than entering it.
WITHOUT_SPAN = set_span_in_context(_WITHOUT_SPAN, Context())


def without_span(record: RequestRecord) -> Context:
    """The same with the baggage of the caller."""
    return set_span_in_context(_WITHOUT_SPAN, _inside_of_caller(record))


class ServerSpans:
    """Makes the spans of an application's requests."""

    def __init__(self, provider: TracerProvider) -> None:
        """Give them to the processors of `provider`."""
        self._provider = provider
        self._names = _names()
        self._scope = InstrumentationScope(_SCOPE, "", _get_schema_url(self._names))
        self._excluded = get_excluded_urls("FASTAPI")
        self._request_headers = get_custom_headers(OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST)
        self._response_headers = get_custom_headers(OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE)
        self._sanitized = SanitizeValue(
            get_custom_headers(OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS)
        )

    def excludes(self, scope: Scope) -> bool:
        """Whether the environment says that requests of this address have no span."""
        if not self._excluded._excluded_urls:  # noqa: SLF001  nothing public tells
            return False
        _, _, url = get_host_port_url_tuple(scope)  # type: ignore[no-untyped-call]
        return self._excluded.url_disabled(url)

    def start(self, record: RequestRecord) -> Context:
        """Start the span of a request; the context is for what runs inside of it."""
        inside = _inside_of_caller(record)
        record.server_span = span = self._new(record, get_current_span(inside).get_span_context())
        span.start(record.wall_clock(record.started_at), inside)
        return set_span_in_context(span, inside)

    def end(self, record: RequestRecord, ending: Ending) -> None:
        """End the span of a request at the time when its last byte went out."""
        span: _ServerSpan = record.server_span
        ended_at = record.wall_clock(record.ended_at)
        if span.described != _described(record.scope):
            # Middleware may have found out who really asks, and of a request that was not chosen that is all one knows.
            span.describe_anew(self._attributes(record.scope))
            span.update_name(_method_of(record.scope))
        if record.route != conventions.UNMATCHED:
            span.set_attribute(span_conventions.ROUTE, record.route)
            span.update_name(f"{_method_of(record.scope)} {record.route}".lstrip())
        if ending.error is not None:
            record_exception(span, ending.error, ended_at)
        if ending.status:
            set_status_code(span, ending.status, sem_conv_opt_in_mode=self._names)  # type: ignore[no-untyped-call]
        if self._response_headers:
            span.set_attributes(
                self._captured(ending.headers, self._response_headers, normalise_response_header_name)
            )
        if record.culprit:
            _tell_culprit(span, record)
        if record.spans is not None and record.spans.omitted:
            span.set_attribute(span_conventions.OMITTED, record.spans.omitted)
        span.end(ended_at)

    def _new(self, record: RequestRecord, caller: SpanContext) -> _ServerSpan:
        # Whatever else is current, or was found by other propagators, began another trace.
        parent = caller if caller.trace_id == record.trace_number else None
        is_random = parent is None or parent.trace_flags.random_trace_id
        attributes = self._attributes(record.scope)
        span = _ServerSpan(
            _method_of(record.scope),
            SpanContext(
                record.trace_number,
                record.span_number,
                is_remote=False,
                trace_flags=_SAMPLED_AND_RANDOM if is_random else _SAMPLED,
                trace_state=parent.trace_state if parent else None,
            ),
            parent,
            resource=self._provider.resource,
            attributes=attributes,
            kind=SpanKind.SERVER,
            span_processor=self._provider._active_span_processor,  # noqa: SLF001  nothing public gives it
            limits=self._provider._span_limits,  # noqa: SLF001  likewise
            instrumentation_scope=self._scope,
        )
        span.described, span.description = _described(record.scope), attributes.keys()
        return span

    def _attributes(self, scope: Scope) -> dict[str, Any]:
        read = {**scope, "headers": [header for header in scope["headers"] if header[0] in _READ]}
        attributes: dict[str, Any] = collect_request_attributes(read, self._names)  # type: ignore[no-untyped-call]
        if scope.get("query_string"):
            for name in _WITH_QUERY & attributes.keys():
                attributes[name] = redacted_query(attributes[name])
        if self._request_headers:
            attributes |= self._captured(
                scope["headers"], self._request_headers, normalise_request_header_name
            )
        return attributes

    def _captured(
        self, headers: Headers, wanted: list[str], normalise: Callable[[str], str]
    ) -> dict[str, list[str]]:
        return collect_custom_headers_attributes({"headers": headers}, self._sanitized, wanted, normalise)


class _Carrier(Getter[Scope]):
    """Reads headers from a scope."""

    def get(self, carrier: Scope, key: str) -> list[str] | None:
        """The values of a header."""
        name = key.lower().encode()
        return [value.decode("latin-1") for each, value in carrier["headers"] if each == name] or None

    def keys(self, carrier: Scope) -> list[str]:
        """The names of all headers."""
        return [name.decode("latin-1") for name, _ in carrier["headers"]]


_CARRIER = _Carrier()


def _inside_of_caller(record: RequestRecord) -> Context:
    """The context that the propagators find, made to agree with the record's ids."""
    found = propagate.extract(record.scope, getter=_CARRIER)
    if not record.parent_id or get_current_span(found).get_span_context().trace_id == record.trace_number:
        return found
    return remote_context(record.trace_number, record.parent_id, is_sampled=record.is_sampled, base=found)


def _described(scope: Scope) -> tuple[Any, ...]:
    """What attributes are made of, to be compared with what it was before: middleware changes scopes in place."""
    return (*map(scope.get, _DESCRIBING), *scope["headers"])


def has_baggage(scope: Scope) -> bool:
    """Whether the caller sent some."""
    return any(name == _BAGGAGE for name, _ in scope["headers"])


def _tell_culprit(span: Span, record: RequestRecord) -> None:
    described = {
        span_conventions.CULPRIT: record.culprit,
        span_conventions.CULPRIT_STACK: record.culprit_stack,
    }
    span.add_event(span_conventions.LOOP_BLOCKED_EVENT, described, record.wall_clock(record.blocked_at))


def _method_of(scope: Scope) -> str:
    """How the span of a request begins; that of a WebSocket does not."""
    if scope["type"] != "http":
        return ""
    return scope["method"] if scope["method"] in conventions.KNOWN_METHODS else "HTTP"


def _names() -> _StabilityMode:
    """Names of attributes as they were settled on, unless the environment chooses for the process."""
    if OTEL_SEMCONV_STABILITY_OPT_IN not in os.environ:
        return _StabilityMode.HTTP
    choice = _OpenTelemetrySemanticConventionStability
    choice._initialize()  # type: ignore[no-untyped-call]  # noqa: SLF001  as each instrumentation does
    return choice._get_opentelemetry_stability_opt_in_mode(_OpenTelemetryStabilitySignalType.HTTP)  # noqa: SLF001
