"""What a cache of the application's own tells of itself: one call records the metric and, where there is one, the span."""

from time import perf_counter

from opentelemetry.trace import SpanKind

from observability import context, span_conventions
from observability.metrics.cache import CacheMetrics, Result
from observability.tracing.buffer import Facts, add_span


class CacheRecorder:
    """Records one cache."""

    def __init__(self, name: str, metrics: CacheMetrics) -> None:
        """Record under this name."""
        self._name = name
        self._metrics = metrics
        self.invalidated = metrics.invalidated
        self.breaker_opened = metrics.breaker_opened
        self.breaker_closed = metrics.breaker_closed

    def looked_up(self, result: Result, look: tuple[float, float] | None = None) -> None:
        """A look-up had this result; with the `time.perf_counter()` of its start and end it is a span."""
        self._metrics.looked_up(result)
        if look is not None:
            _add_span("get", self._name, *look, result)

    def filled(self, seconds: float) -> None:
        """A missing value took so many seconds to compute."""
        self._metrics.filled(seconds)
        self._add_span_until_now("fill", seconds)

    def coalesced(self, seconds: float) -> None:
        """A caller waited so many seconds for a computation under way instead of starting its own."""
        self._metrics.coalesced()
        self._add_span_until_now("wait", seconds)

    def _add_span_until_now(self, what: str, seconds: float) -> None:
        now = perf_counter()
        _add_span(what, self._name, now - seconds, now)


def _add_span(what: str, cache: str, started_at: float, ended_at: float, result: str = "") -> None:
    record = context.current()
    if record is not None:
        add_span(record, started_at, ended_at, "", _describe, what, cache, result)


def _describe(what: str, cache: str, result: str) -> Facts:
    attributes = {span_conventions.CACHE: cache}
    if result:
        attributes[span_conventions.CACHE_RESULT] = result
    return Facts(f"cache {what} {cache}", SpanKind.INTERNAL, attributes)
