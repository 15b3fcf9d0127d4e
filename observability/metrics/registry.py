"""All metrics of one application."""

import os
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import prometheus_client
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from observability import conventions
from observability.conventions import Metric
from observability.metrics.instruments import Counter, Family
from observability.metrics.layout import Entry, Values, buckets_of, merged
from observability.metrics.memory import Memory, PrivateMemory
from observability.metrics.naming import names_of
from observability.metrics.text import Series, bound
from observability.metrics.workers import SharedMemory, Workers

log = structlog.get_logger(__name__)


class Registry(Collector):
    """Holds families. It is a collector itself: a registry of prometheus_client can show them beside its own."""

    def __init__(self, foreign: CollectorRegistry | None = None, *, series_budget: int = 2_000) -> None:
        """Start without families.

        Args:
            foreign: Collectors of prometheus_client to expose too, for instance its `REGISTRY`. They know nothing of
                other workers.
            series_budget: Combinations of label values that one metric may have.
        """
        self.foreign = foreign or CollectorRegistry()
        self.series_budget = series_budget
        self._budgets: dict[str, int] = {}
        self.lock = threading.RLock()
        self._own = PrivateMemory()
        self._workers: Workers | None = None
        self.memory: Memory = self._own
        self._families: dict[str, Family[Any]] = {}
        self._owners: dict[str, str] = {}
        self._gathered = _Gathered()
        self._dropped = Counter(conventions.TELEMETRY_SERIES_DROPPED, self)

    def adopt(self, family: Family[Any]) -> None:
        """Hold a family.

        Raises:
            ValueError: There is one of this name, or one whose samples have it.
        """
        name, names = family.metric.name, names_of(family.metric)
        with self.lock:
            for other in filter(None, map(self._owners.get, names)):
                msg = f"There is a metric {other} in this registry already; {name} would mix with it"
                raise ValueError(msg)
            self._families[name] = family
            self._owners.update(dict.fromkeys(names, name))

    def dropped(self, metric: Metric) -> None:
        """Label values of this metric did not fit the budget."""
        drops = self._dropped.labels(metric.name)
        if not drops.values[0]:
            log.warning(
                "series_budget_exhausted",
                metric=metric.name,
                budget=self.series_budget,
                advice="look for a label with values without end, or raise series_budget",
            )
        drops.inc()

    def limit(self, metric: Metric, series: int) -> None:
        """Keep no more than so many label values of a metric of which each worker records no more.

        Workers that are gone may have had others each.
        """
        self._budgets[metric.name] = series

    def register(self, collector: Collector) -> None:
        """Expose a collector of prometheus_client too."""
        self.foreign.register(collector)

    def share(self, folder: Path) -> None:
        """Show the numbers of this process and of all others that use the folder as one, from now on; again does nothing.

        Raises:
            OSError: The folder cannot be used; everything is as before.
        """
        with self.lock:
            if self._workers is not None:
                return
            workers = Workers(folder, budget_of=self._budget_of)
            self._move_to(workers.join())
            self._workers = workers
        _leave_in_forked_children(self)

    def families(self) -> Iterator[tuple[Metric, Series]]:
        """Every metric with its series, of all workers, by name."""
        with self.lock:
            sources = self._workers.entries() if self._workers else [self._own.entries]
            return iter(self._gathered.of(sources, self._families))

    def collect(self) -> Iterable[prometheus_client.Metric]:
        """Every metric as prometheus_client knows it, and its foreign ones."""
        for metric, series in self.families():
            yield _as_prometheus_client(metric, series)
        yield from self.foreign_metrics()

    def foreign_metrics(self) -> Iterator[prometheus_client.Metric]:
        """What foreign collectors show, except for metrics that are here already: nothing is exposed twice."""
        for metric in self.foreign.collect():
            if metric.name not in self._owners:
                yield metric

    def leave(self) -> None:
        """In a forked child: record where nobody looks, for the files are those of its parent."""
        self.lock = threading.RLock()
        if self._workers is not None and isinstance(self.memory, SharedMemory):
            shared, self._own = self.memory, PrivateMemory()
            self._move_to(self._own)
            shared.leave()
            self._workers.close()
            self._workers = None

    def _budget_of(self, name: str) -> int:
        return self._budgets.get(name, self.series_budget)

    def _move_to(self, memory: Memory) -> None:
        self.memory = memory
        for family in self._families.values():
            family.move(memory)


class _Gathered:
    """The entries of several workers by metric and labels, put together again when there are new ones."""

    def __init__(self) -> None:
        self._state: list[tuple[list[Entry], int]] = []
        self._families: list[tuple[Metric, Series]] = []

    def of(self, sources: Sequence[list[Entry]], own: dict[str, Family[Any]]) -> list[tuple[Metric, Series]]:
        state = [(entries, len(entries)) for entries in sources]
        if not self._knows(state):
            metrics = {name: family.metric for name, family in own.items()}
            series: dict[str, dict[tuple[str, ...], list[Values]]] = {}
            for metric, labels, values in (entry for entries in sources for entry in list(entries)):
                # Another version of the service may have other buckets: adding those up would be nonsense.
                if metrics.setdefault(metric.name, metric) == metric:
                    series.setdefault(metric.name, {}).setdefault(labels, []).append(values)
            self._families = [(metrics[name], series[name]) for name in sorted(series)]
            self._state = state
        return self._families

    def _knows(self, state: Sequence[tuple[list[Entry], int]]) -> bool:
        return len(state) == len(self._state) and all(
            one is other and size == known
            for (one, size), (other, known) in zip(state, self._state, strict=True)
        )


def _leave_in_forked_children(registry: Registry) -> None:
    reference = weakref.ref(registry)

    def leave() -> None:
        forked = reference()
        if forked is not None:
            forked.leave()

    os.register_at_fork(after_in_child=leave)


def _as_prometheus_client(metric: Metric, series: Series) -> prometheus_client.Metric:
    made = prometheus_client.Metric(metric.name.removesuffix("_total"), metric.documentation, metric.kind)
    for values, runs in list(series.items()):
        labels = dict(zip(metric.labels, values, strict=True))
        numbers = merged(metric, [run.tolist() for run in runs])
        if metric.kind != "histogram":
            made.add_sample(metric.name, labels, numbers[0])
            continue
        buckets = buckets_of(metric)
        counts = list(accumulate(numbers[:buckets]))
        for le, count in zip(map(bound, [*metric.buckets, float("inf")]), counts, strict=True):
            made.add_sample(f"{metric.name}_bucket", {**labels, "le": le}, count)
        made.add_sample(f"{metric.name}_count", labels, counts[-1])
        made.add_sample(f"{metric.name}_sum", labels, numbers[buckets])
    return made
