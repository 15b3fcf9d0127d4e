"""The numbers that workers leave behind, in one file of their folder."""

import json
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import astuple
from pathlib import Path
from typing import Any

from observability.conventions import OVERFLOW, Metric
from observability.metrics.layout import Entry, compacted


class Archive:
    """What workers that are gone have counted."""

    def __init__(self, path: Path, budget_of: Callable[[str], int]) -> None:
        """Kept at `path`, with at most so many label values of a metric with this name."""
        self._path = path
        self._budget_of = budget_of
        self._stamp: tuple[int, int] | None = None
        # Names of workers whose files may still be there.
        self.absorbed: list[str] = []
        self.entries: list[Entry] = []

    def refresh(self) -> None:
        """Read the file again if another worker has written it."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return
        if (status.st_ino, status.st_mtime_ns) == self._stamp:
            return
        kept = json.loads(self._path.read_bytes())
        self._stamp = (status.st_ino, status.st_mtime_ns)
        self.absorbed = kept["absorbed"]
        metrics = {metric.name: metric for metric in map(metric_of, kept["metrics"])}
        self.entries = [
            Entry(metrics[name], tuple(labels), memoryview(array("d", numbers)))
            for name, labels, numbers in kept["series"]
        ]

    def absorb(self, dead: Mapping[str, Sequence[Entry]], living: Iterable[Sequence[Entry]]) -> None:
        """Add what dead workers of these names counted, except for one that was added before a crash.

        Labels that a living worker counts too are kept beyond the budget: their total would go down.

        Raises:
            OSError: There is no room for it.
        """
        new = [entries for name, entries in dead.items() if name not in self.absorbed]
        if new:
            shown = {(metric.name, labels) for entries in living for metric, labels, _ in entries}
            self._write(list(dead), self._sums(new, shown))
            self.refresh()

    def _sums(
        self, sources: Sequence[Sequence[Entry]], shown: AbstractSet[tuple[str, tuple[str, ...]]]
    ) -> list[tuple[Metric, tuple[str, ...], Sequence[float]]]:
        newest = {metric.name: metric for entries in sources for metric, *_ in entries}
        runs: dict[str, dict[tuple[str, ...], list[Sequence[float]]]] = {}
        metrics: dict[str, Metric] = {}
        for entries in (self.entries, *sources):
            for metric, labels, values in entries:
                if metric != newest.get(metric.name, metric):
                    continue
                metrics[metric.name] = metric
                series = runs.setdefault(metric.name, {})
                is_known = labels in series or (metric.name, labels) in shown
                if not is_known and len(series) >= self._budget_of(metric.name):
                    labels = (OVERFLOW,) * len(labels)  # noqa: PLW2901  the name it goes by from here
                series.setdefault(labels, []).append(values.tolist())
        return [
            (metrics[name], labels, numbers)
            for name, series in runs.items()
            for labels, each in series.items()
            for numbers in compacted(metrics[name], each)
        ]

    def _write(
        self, absorbed: list[str], sums: list[tuple[Metric, tuple[str, ...], Sequence[float]]]
    ) -> None:
        content = {
            "absorbed": absorbed,
            "metrics": [astuple(metric) for metric in {metric.name: metric for metric, *_ in sums}.values()],
            "series": [(metric.name, labels, numbers) for metric, labels, numbers in sums],
        }
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(content))
        unfinished.rename(self._path)


def metric_of(fields: Sequence[Any]) -> Metric:
    """A metric as JSON keeps it: with lists for tuples."""
    name, kind, documentation, labels, buckets, aggregate, exemplars = fields
    return Metric(name, kind, documentation, tuple(labels), tuple(buckets), aggregate, exemplars)
