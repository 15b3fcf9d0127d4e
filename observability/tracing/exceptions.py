"""Errors as spans tell of them: without the secrets that their texts may quote."""

import traceback

from opentelemetry.semconv.attributes.exception_attributes import EXCEPTION_MESSAGE, EXCEPTION_STACKTRACE
from opentelemetry.trace import Span, Status, StatusCode

from observability.redaction import redacted


def record_exception(span: Span, error: BaseException, timestamp: int) -> None:
    """Say on a span what it ended with: as an event, and as its status."""
    message = redacted("", str(error))
    stack = redacted("", "".join(traceback.format_exception(error)))
    span.record_exception(error, {EXCEPTION_MESSAGE: message, EXCEPTION_STACKTRACE: stack}, timestamp)
    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {message}"))
