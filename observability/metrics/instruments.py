"""Counters, gauges and histograms: what records, made to cost next to nothing.

A series is a few doubles in memory (`layout`). Adding to one is a read and a write of one number between which CPython
lets no other thread run, so no lock is taken; a build of Python without a global interpreter lock would need one.
"""

import threading
import time
from abc import abstractmethod
from bisect import bisect_left
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from observability.conventions import OVERFLOW, Kind, Metric
from observability.metrics.layout import EXEMPLAR_SIZE, Exemplar, Values, buckets_of, write_exemplar
from observability.metrics.memory import Memory
from observability.metrics.naming import check


class CounterChild:
    """One series of a counter."""

    __slots__ = ("values",)

    def __init__(self, values: Values) -> None:
        """Count in `values`."""
        self.values = values

    def inc(self, amount: float = 1.0) -> None:
        """Add what is not negative.

        Raises:
            ValueError: `amount` is negative; counters never go down.
        """
        if amount < 0:
            msg = f"A counter cannot be changed by {amount}: use a gauge for what goes down"
            raise ValueError(msg)
        self.values[0] += amount


class GaugeChild:
    """One series of a gauge."""

    __slots__ = ("values",)

    def __init__(self, values: Values) -> None:
        """Show `values`."""
        self.values = values

    def inc(self, amount: float = 1.0) -> None:
        """Add."""
        self.values[0] += amount

    def dec(self, amount: float = 1.0) -> None:
        """Subtract."""
        self.values[0] -= amount

    def set(self, value: float) -> None:
        """Replace."""
        self.values[0] = value


class HistogramChild:
    """One series of a histogram."""

    __slots__ = ("_bounds", "_exemplars", "_sum", "values")

    def __init__(self, values: Values, metric: Metric) -> None:
        """Observe into `values`."""
        self.values = values
        self._bounds = metric.buckets
        self._sum = buckets_of(metric)
        self._exemplars = self._sum + 1 if metric.exemplars else 0

    def observe(self, value: float, trace_id: str = "") -> None:
        """Add a value; a `trace_id` of 32 hex digits becomes the exemplar of its bucket if the metric has exemplars."""
        values, bucket = self.values, bisect_left(self._bounds, value)
        values[bucket] += 1.0
        values[self._sum] += value
        if trace_id and self._exemplars:
            exemplar = Exemplar(value, time.time_ns() / 1e9, trace_id)
            write_exemplar(values, self._exemplars + bucket * EXEMPLAR_SIZE, exemplar)


Child = TypeVar("Child", CounterChild, GaugeChild, HistogramChild)


class Owner(Protocol):
    """What a family needs of the registry that holds it."""

    lock: threading.RLock
    memory: Memory
    series_budget: int

    def adopt(self, family: "Family[Any]") -> None:
        """Expose the family."""

    def dropped(self, metric: Metric) -> None:
        """Label values were counted under `<overflow>`."""


class Family(Generic[Child]):
    """All series of one metric, by their label values."""

    kind: Kind

    def __init__(self, metric: Metric, registry: Owner) -> None:
        """Register the family; without labels, its only series exists from now on.

        Raises:
            ValueError: The registry has a metric of this name, or one whose samples would mix with those of this one, or the
                metric cannot be exposed as this kind.
        """
        check(metric, self.kind)
        self.metric = metric
        self._registry = registry
        self._children: dict[tuple[str, ...], Child] = {}
        registry.adopt(self)
        if not metric.labels:
            self._alone: Child = self.labels()

    def labels(self, *values: str) -> Child:
        """The series of these label values, in the order of the metric's labels; keep it, looking up costs.

        Beyond the registry's budget, new label values share one series whose labels read `<overflow>`. What is no text
        reads as `str` writes it.

        Raises:
            ValueError: There are more or fewer values than labels.
        """
        child = self._children.get(values)
        if child is not None:
            return child
        if len(values) != len(self.metric.labels):
            msg = f"{self.metric.name} has the labels {self.metric.labels}; {values} does not fit them"
            raise ValueError(msg)
        with self._registry.lock:
            return self._admit(tuple(map(_as_text, values)))

    def move(self, memory: Memory) -> None:
        """Keep the numbers of every series in `memory` from now on."""
        with self._registry.lock:
            for labels, child in self._children.items():
                values = memory.allocate(self.metric, labels)
                values[:], child.values = child.values, values

    def _admit(self, labels: tuple[str, ...]) -> Child:
        if labels not in self._children and len(self._children) >= self._registry.series_budget:
            self._registry.dropped(self.metric)
            labels = (OVERFLOW,) * len(labels)
        if labels not in self._children:
            self._children[labels] = self._new_child(self._registry.memory.allocate(self.metric, labels))
        return self._children[labels]

    @abstractmethod
    def _new_child(self, values: Values) -> Child: ...


def _as_text(value: object) -> str:
    """A label value that UTF-8 can say: one that it cannot would cost the whole scrape."""
    text = value if isinstance(value, str) else str(value)
    return text.encode(errors="replace").decode()


class Counter(Family[CounterChild]):
    """A family of counters; without labels it counts itself."""

    kind = "counter"

    def inc(self, amount: float = 1.0) -> None:
        """Add to the only series."""
        self._alone.inc(amount)

    def _new_child(self, values: Values) -> CounterChild:
        return CounterChild(values)


class Gauge(Family[GaugeChild]):
    """A family of gauges; without labels it shows itself."""

    kind = "gauge"

    def inc(self, amount: float = 1.0) -> None:
        """Add to the only series."""
        self._alone.inc(amount)

    def dec(self, amount: float = 1.0) -> None:
        """Subtract from the only series."""
        self._alone.dec(amount)

    def set(self, value: float) -> None:
        """Replace the only series."""
        self._alone.set(value)

    def _new_child(self, values: Values) -> GaugeChild:
        return GaugeChild(values)


class Histogram(Family[HistogramChild]):
    """A family of histograms; without labels it observes itself."""

    kind = "histogram"

    def __init__(self, metric: Metric, registry: Owner, thresholds: tuple[float, ...] = ()) -> None:
        """Register the family, with `thresholds` as exact buckets besides the metric's own."""
        super().__init__(replace(metric, buckets=tuple(sorted({*metric.buckets, *thresholds}))), registry)

    def observe(self, value: float, trace_id: str = "") -> None:
        """Add to the only series."""
        self._alone.observe(value, trace_id)

    def _new_child(self, values: Values) -> HistogramChild:
        return HistogramChild(values, self.metric)
