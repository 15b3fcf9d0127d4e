"""What is recorded of traces themselves."""

from observability import conventions
from observability.metrics.instruments import Counter
from observability.metrics.registry import Registry


class SpanMetrics:
    """Counts what becomes of finished spans."""

    def __init__(self, registry: Registry) -> None:
        """Look the children up, so that every outcome exists from the start."""
        spans = Counter(conventions.TELEMETRY_SPANS, registry)
        self._exported = spans.labels("exported")
        self._failed = spans.labels("failed")
        self._dropped = spans.labels("dropped")

    def exported(self, count: int) -> None:
        """The collector took so many."""
        self._exported.inc(count)

    def failed(self, count: int) -> None:
        """The collector did not take so many."""
        self._failed.inc(count)

    def dropped(self, count: int) -> None:
        """So many had to make room for others."""
        self._dropped.inc(count)
