"""Every name of a header that telemetry sends or reads, once."""

# Of responses
PROCESS_TIME = "X-Process-Time"
SERVER_TIMING = "Server-Timing"
TRACE_ID = "X-Trace-Id"

# Of requests and messages, in and out
TRACEPARENT = "traceparent"  # https://www.w3.org/TR/trace-context/
TRACESTATE = "tracestate"  # likewise
BAGGAGE = "baggage"  # https://www.w3.org/TR/baggage/

RESPONSE_HEADERS: dict[str, str] = {
    PROCESS_TIME: "seconds from the first byte of the request to the start of the response",
    SERVER_TIMING: "`app`, `db` and `cache`: milliseconds until the start of the response",
    TRACE_ID: "trace id of the request, the caller's when it sent a valid `traceparent`",
}
