"""Ids of spans that were given out before there was a span."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

_given: ContextVar[tuple[int, int] | None] = ContextVar("observability_span_ids", default=None)


@contextmanager
def given_ids(trace_number: int, span_number: int) -> Iterator[None]:
    """Let the span that the block starts have these ids."""
    token = _given.set((trace_number, span_number))
    try:
        yield
    finally:
        _given.reset(token)


class GivenIds(RandomIdGenerator):
    """Random ids, except where they are given."""

    def generate_trace_id(self) -> int:
        """The given one, or a random one."""
        given = _given.get()
        return given[0] if given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """The given one, or a random one."""
        given = _given.get()
        return given[1] if given else super().generate_span_id()
