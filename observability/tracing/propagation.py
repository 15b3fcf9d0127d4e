"""What others are told when they are called on behalf of a request: W3C Trace Context and Baggage.

Which of the two are passed on, and taken from messages, is for OpenTelemetry's propagators to say (`OTEL_PROPAGATORS`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote, unquote_plus

from opentelemetry.baggage import get_all
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import attach, get_current
from opentelemetry.propagate import get_global_textmap

from observability.context import RequestRecord, current
from observability.header_conventions import BAGGAGE, TRACEPARENT, TRACESTATE
from observability.tracing.buffer import current_span_number

_BAGGAGE = W3CBaggagePropagator()


def outgoing_headers() -> dict[str, str]:
    """Headers for a call or a message; none outside of requests and jobs.

    Their `sampled` flag says what is certain by then: that the trace was chosen at its start.
    """
    record = current()
    if record is None:
        return {}
    headers = {
        TRACEPARENT: f"00-{record.trace_id}-{current_span_number(record):016x}-{record.is_sampled:02x}",
        TRACESTATE: ",".join(_received(record, TRACESTATE)) if record.parent_id else "",
        BAGGAGE: _baggage(record),
    }
    passed_on = get_global_textmap().fields
    return {name: value for name, value in headers.items() if value and name in passed_on}


@contextmanager
def received_baggage(headers: Mapping[str, str]) -> Iterator[None]:
    """Let the block see the baggage that a message carried."""
    outside = inside = get_current()
    if BAGGAGE in get_global_textmap().fields:
        inside = _BAGGAGE.extract({name.lower(): value for name, value in headers.items()}, outside)
    attach(inside)
    try:
        yield
    finally:
        if get_current() is inside:
            attach(outside)


def _received(record: RequestRecord, name: str) -> list[str]:
    """The entries of a header that came; clients refuse to send on what is not ASCII."""
    headers, wanted = record.scope.get("headers", ()), name.encode()
    return [
        entry.decode()
        for key, value in headers
        if key == wanted
        for entry in value.split(b",")
        if entry.isascii()
    ]


def _baggage(record: RequestRecord) -> str:
    """What came, as it came, but for what the application says otherwise or besides."""
    received, own = _received(record, BAGGAGE), {name: str(value) for name, value in get_all().items()}
    if own:
        entries = {_item(entry): entry for entry in received}
        kept = [entry for (name, value), entry in entries.items() if own.get(name, value) == value]
        added = [
            f"{quote(name)}={quote(value)}" for name, value in own.items() if (name, value) not in entries
        ]
        received = [*kept, *added]
    return ",".join(received)


def _item(entry: str) -> tuple[str, str]:
    """Name and value of an entry, as OpenTelemetry reads them."""
    name, _, value = entry.partition("=")
    return unquote_plus(name.strip()).strip(), unquote_plus(value.strip()).strip()
