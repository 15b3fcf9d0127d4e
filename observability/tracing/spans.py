"""Spans of an application's own that are there whenever its traces are, kept at the start or at the end."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.trace import SpanKind

from observability.context import current
from observability.tracing.buffer import Facts, open_span


@contextmanager
def span(name: str, **attributes: str | float | bool) -> Iterator[None]:
    """Show the block in the trace of the current request or job; without one, nothing happens.

    Args:
        name: Name of the span: a bounded set.
        attributes: What it says besides. No secrets.
    """
    with open_span(current(), _describe, name, attributes):
        yield


def _describe(name: str, attributes: dict[str, str | float | bool]) -> Facts:
    return Facts(name, SpanKind.INTERNAL, attributes)
