"""Jobs of a durable queue, where they are enqueued."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.trace import SpanKind

from observability import context, span_conventions
from observability.tracing.buffer import Facts, open_span
from observability.tracing.propagation import outgoing_headers


@contextmanager
def enqueuing(task: str) -> Iterator[dict[str, str]]:
    """Show the block as the enqueuing of a job; gives the headers that the job has to carry."""
    with open_span(context.current(), _producer, task):
        yield outgoing_headers()


def _producer(task: str) -> Facts:
    attributes = {
        span_conventions.MESSAGING_OPERATION: "send",
        span_conventions.MESSAGING_DESTINATION: task,
    }
    return Facts(f"send {task}", SpanKind.PRODUCER, attributes)
