"""Counters, gauges and histograms, and the registry that exposes them."""

from collections.abc import Iterable, Sequence

import prometheus_client
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector


class Registry:
    """Holds families; foreign collectors of prometheus_client can be registered beside them."""

    def __init__(self) -> None:
        """Start empty."""
        self.foreign = CollectorRegistry()

    def register(self, collector: Collector) -> None:
        """Expose a foreign collector too."""
        self.foreign.register(collector)

    def collect(self) -> Iterable[Metric]:
        """Everything there is now."""
        return self.foreign.collect()


class CounterChild:
    """One series of a counter."""

    def __init__(self, child: prometheus_client.Counter) -> None:
        """Count into the child."""
        self.inc = child.inc


class GaugeChild:
    """One series of a gauge."""

    def __init__(self, child: prometheus_client.Gauge) -> None:
        """Show the child."""
        self.inc, self.dec, self.set = child.inc, child.dec, child.set


class HistogramChild:
    """One series of a histogram."""

    def __init__(self, child: prometheus_client.Histogram) -> None:
        """Observe into the child."""
        self._child = child

    def observe(self, value: float, trace_id: str = "") -> None:
        """Add a value; a `trace_id` becomes its exemplar."""
        self._child.observe(value, {"trace_id": trace_id} if trace_id else None)


class Counter(CounterChild):
    """A family of counters; without labels it is its only child."""

    def __init__(
        self, name: str, documentation: str, labelnames: Sequence[str] = (), *, registry: Registry
    ) -> None:
        """Register the family."""
        self._family = prometheus_client.Counter(name, documentation, labelnames, registry=registry.foreign)
        super().__init__(self._family)

    def labels(self, *values: str) -> CounterChild:
        """The child of these label values."""
        return CounterChild(self._family.labels(*values))


class Gauge(GaugeChild):
    """A family of gauges; without labels it is its only child."""

    def __init__(
        self, name: str, documentation: str, labelnames: Sequence[str] = (), *, registry: Registry
    ) -> None:
        """Register the family."""
        self._family = prometheus_client.Gauge(name, documentation, labelnames, registry=registry.foreign)
        super().__init__(self._family)

    def labels(self, *values: str) -> GaugeChild:
        """The child of these label values."""
        return GaugeChild(self._family.labels(*values))


class Histogram(HistogramChild):
    """A family of histograms; without labels it is its only child."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Sequence[str] = (),
        *,
        registry: Registry,
        buckets: Sequence[float],
    ) -> None:
        """Register the family."""
        family = prometheus_client.Histogram(
            name, documentation, labelnames, registry=registry.foreign, buckets=buckets
        )
        self._family = family
        super().__init__(family)

    def labels(self, *values: str) -> HistogramChild:
        """The child of these label values."""
        return HistogramChild(self._family.labels(*values))
