"""What others are told when they are called on behalf of a request: W3C Trace Context and Baggage."""

from observability.context import RequestRecord, current
from observability.header_conventions import BAGGAGE, TRACEPARENT
from observability.tracing.buffer import current_span_number


def outgoing_headers() -> dict[str, str]:
    """Headers for a call or a message; none outside of requests and jobs.

    Their `sampled` flag says what is certain by then: that the trace was chosen at its start.
    """
    record = current()
    if record is None:
        return {}
    traceparent = f"00-{record.trace_id}-{current_span_number(record):016x}-{record.is_sampled:02x}"
    baggage = _baggage(record)
    return {TRACEPARENT: traceparent, **({BAGGAGE: baggage} if baggage else {})}


def _baggage(record: RequestRecord) -> str:
    name = BAGGAGE.encode()
    return ",".join(value.decode("latin-1") for key, value in record.scope.get("headers", ()) if key == name)
