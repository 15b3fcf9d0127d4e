"""From a convention to the family that records it."""

from observability.conventions import Metric
from observability.metrics.instruments import Counter, Gauge, Histogram, Registry


def counter(metric: Metric, registry: Registry) -> Counter:
    """The counter of a convention, registered."""
    return Counter(metric.name, metric.documentation, metric.labels, registry=registry)


def gauge(metric: Metric, registry: Registry) -> Gauge:
    """The gauge of a convention, registered."""
    return Gauge(metric.name, metric.documentation, metric.labels, registry=registry)


def histogram(metric: Metric, registry: Registry, thresholds: tuple[float, ...] = ()) -> Histogram:
    """The histogram of a convention, registered, with `thresholds` as exact buckets besides its own."""
    buckets = tuple(sorted({*metric.buckets, *thresholds}))
    return Histogram(metric.name, metric.documentation, metric.labels, registry=registry, buckets=buckets)
