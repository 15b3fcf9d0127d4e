"""Series as text, for Prometheus to read.

Between two scrapes most numbers stay as they are: each series keeps its text and the bytes that it was made from, and is
written anew only when those have changed. Its names and labels are written once.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain
from typing import TypeAlias

from prometheus_client.utils import floatToGoString

from observability.conventions import Metric
from observability.metrics.layout import EXEMPLAR_SIZE, Values, buckets_of, merged, read_exemplar

# What all workers record, by label values.
Series: TypeAlias = Mapping[tuple[str, ...], Sequence[Values]]

# Other threads get their turn after so many series.
_STRETCH = 64
_LARGEST_EXACT = 2.0**53


class Text:
    """Writes one format: OpenMetrics with exemplars, or the older text format without. Not for two threads at once."""

    def __init__(self, *, is_openmetrics: bool) -> None:
        """Know nothing yet."""
        self._is_openmetrics = is_openmetrics
        self._kept: dict[tuple[str, tuple[str, ...]], _SeriesText] = {}

    def write(self, families: Iterable[tuple[Metric, Series]]) -> tuple[list[bytes], int]:
        """The text of all families in pieces, and how many samples are in it."""
        kept, self._kept = self._kept, {}
        pieces, samples = [], 0
        for metric, series in families:
            pieces.append(head(metric, is_openmetrics=self._is_openmetrics))
            samples += len(series) * _samples_of(metric)
            for labels, runs in list(series.items()):
                key = (metric.name, labels)
                text = self._kept[key] = kept.get(key) or _SeriesText(metric, labels, self._is_openmetrics)
                pieces.append(text.current(runs))
                if len(self._kept) % _STRETCH == 0:
                    time.sleep(0)
        return pieces, samples


def head(metric: Metric, *, is_openmetrics: bool) -> bytes:
    """The two lines before the samples of a family."""
    name = metric.name.removesuffix("_total") if is_openmetrics else metric.name
    documentation = metric.documentation.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {documentation}\n# TYPE {name} {metric.kind}\n".encode()


class _SeriesText:
    """The lines of one series."""

    __slots__ = ("_bytes", "_metric", "_template", "_text", "_with_exemplars")

    def __init__(self, metric: Metric, labels: tuple[str, ...], is_openmetrics: bool) -> None:  # noqa: FBT001  private
        self._metric = metric
        self._with_exemplars = is_openmetrics and metric.exemplars
        self._template = _template(metric, labels, "%s" if self._with_exemplars else "")
        self._bytes: list[bytes] = []
        self._text = b""

    def current(self, runs: Sequence[Values]) -> bytes:
        """The lines as they are now."""
        now = [run.tobytes() for run in runs]
        if now != self._bytes:
            numbers = merged(self._metric, [memoryview(each).cast("d").tolist() for each in now])
            self._text = self._written(numbers).encode()
            self._bytes = now
        return self._text

    def _written(self, numbers: Sequence[float]) -> str:
        if self._metric.kind != "histogram":
            return self._template % number(numbers[0])
        buckets = buckets_of(self._metric)
        counts = list(accumulate(numbers[:buckets]))
        shown: Iterable[float | str] = counts
        if self._with_exemplars:
            shown = chain.from_iterable(zip(counts, _exemplars(numbers, buckets), strict=True))
        return self._template % (*shown, counts[-1], number(numbers[buckets]))


def _exemplars(numbers: Sequence[float], buckets: int) -> Sequence[str]:
    if not any(numbers[buckets + 1 :]):
        return [""] * buckets
    return [_exemplar(numbers, buckets + 1 + bucket * EXEMPLAR_SIZE) for bucket in range(buckets)]


def number(value: float) -> str:
    """A number as Prometheus reads it, shortest first."""
    if value.is_integer() and abs(value) < _LARGEST_EXACT:
        return str(int(value))
    return bound(value)


def bound(value: float) -> str:
    """A number as it stands in the label of a bucket: always with a fraction or an exponent."""
    text: str = floatToGoString(value)
    return text


def _exemplar(numbers: Sequence[float], at: int) -> str:
    exemplar = read_exemplar(numbers, at)
    if exemplar is None:
        return ""
    return f' # {{trace_id="{exemplar.trace_id}"}} {number(exemplar.value)} {exemplar.timestamp:.3f}'


def _samples_of(metric: Metric) -> int:
    """How many lines one series takes: a histogram also has its count and its sum."""
    return buckets_of(metric) + 2 if metric.kind == "histogram" else 1


def _template(metric: Metric, labels: tuple[str, ...], exemplar: str) -> str:
    """The lines of a series with places for its numbers, and with this one for the exemplar of each bucket."""
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(metric.labels, labels, strict=True))
    name, braced = metric.name, f"{{{pairs}}}" if pairs else ""
    if metric.kind != "histogram":
        return f"{name}{braced} %s\n"
    others = f"{pairs}," if pairs else ""
    bounds = map(bound, [*metric.buckets, float("inf")])
    buckets = "".join(f'{name}_bucket{{{others}le="{le}"}} %d{exemplar}\n' for le in bounds)
    return f"{buckets}{name}_count{braced} %d\n{name}_sum{braced} %s\n"


def _escaped(value: str) -> str:
    """A label value, safe between quotes and in a template."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"").replace("%", "%%")
