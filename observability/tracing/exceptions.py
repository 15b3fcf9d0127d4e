"""Errors as spans tell of them: without the secrets that their texts may quote."""

from traceback import TracebackException

from opentelemetry.semconv.attributes.exception_attributes import (
    EXCEPTION_ESCAPED,
    EXCEPTION_MESSAGE,
    EXCEPTION_STACKTRACE,
    EXCEPTION_TYPE,
)
from opentelemetry.trace import Span, Status, StatusCode

from observability.redaction import redacted


def record_exception(span: Span, error: BaseException, timestamp: int) -> None:
    """Say on a span what it ended with: as the event that OpenTelemetry's own method adds, and as its status."""
    # Errors whose own text cannot be had, it words itself.
    told, kind = TracebackException.from_exception(error), type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    message = redacted("", str(told))
    described = {
        EXCEPTION_TYPE: f"{module}{kind.__qualname__}",
        EXCEPTION_MESSAGE: message,
        EXCEPTION_STACKTRACE: redacted("", "".join(told.format())),
        EXCEPTION_ESCAPED: "False",
    }
    span.add_event("exception", described, timestamp)
    span.set_status(Status(StatusCode.ERROR, f"{kind.__name__}: {message}"))
