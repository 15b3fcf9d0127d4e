"""How the numbers of one series lie in memory.

A counter or a gauge is one number. A histogram is the count of each bucket (not cumulative), then the sum, then, where the
metric has exemplars, six numbers a bucket: the value, the time, and the trace id in four pieces that a double holds exactly.
"""

from collections.abc import Iterable, Sequence
from math import fsum, isfinite
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from observability.conventions import Metric

# Doubles, in memory that other threads and processes may read while they change.
Values: TypeAlias = "memoryview[float]"

EXEMPLAR_SIZE = 6
_PIECES = (96, 64, 32, 0)
_PIECE = 0xFFFF_FFFF


class Entry(NamedTuple):
    """One series that somebody records."""

    metric: Metric
    labels: tuple[str, ...]
    values: Values


class Exemplar(NamedTuple):
    """A value with the trace it came from, and when, in seconds since the Unix epoch."""

    value: float
    timestamp: float
    trace_id: str


def buckets_of(metric: Metric) -> int:
    """How many buckets there are, the infinite one included."""
    return len(metric.buckets) + 1


def size_of(metric: Metric) -> int:
    """How many numbers a series of the metric takes."""
    if metric.kind != "histogram":
        return 1
    buckets = buckets_of(metric)
    return buckets + 1 + (EXEMPLAR_SIZE * buckets if metric.exemplars else 0)


def write_exemplar(values: Values, at: int, exemplar: Exemplar) -> None:
    """Put an exemplar where a reader in another process never takes half of it for a whole: its time comes last."""
    number = int(exemplar.trace_id, 16)
    values[at + 1] = 0.0
    values[at] = exemplar.value
    for place, shift in enumerate(_PIECES):
        values[at + 2 + place] = float(number >> shift & _PIECE)
    values[at + 1] = exemplar.timestamp


def read_exemplar(values: Sequence[float], at: int) -> Exemplar | None:
    """The exemplar there, None when there is none."""
    value, timestamp, *pieces = values[at : at + EXEMPLAR_SIZE]
    if not timestamp:
        return None
    return Exemplar(value, timestamp, "".join(f"{int(piece):08x}" for piece in pieces))


def merged(metric: Metric, runs: Sequence[Sequence[float]]) -> Sequence[float]:
    """The numbers of a series that several workers record, as one: added up, or the largest; the latest exemplars."""
    if len(runs) == 1:
        return runs[0]
    numbers = _combined(metric, [run[: _exemplars_at(metric)] for run in runs])
    for at in range(len(numbers), len(runs[0]), EXEMPLAR_SIZE):
        latest: Sequence[float] = max((run[at : at + EXEMPLAR_SIZE] for run in runs), key=itemgetter(1))
        numbers.extend(latest)
    return numbers


def compacted(metric: Metric, runs: Sequence[Sequence[float]]) -> list[Sequence[float]]:
    """As few runs as show the same: merged, and where a sum had to be rounded, a run of what rounding left out."""
    shown = [merged(metric, runs)]
    end = _exemplars_at(metric)
    without_exemplars = [run[:end] for run in runs]
    while any(rest := _combined(metric, [*without_exemplars, *([-n for n in run[:end]] for run in shown)])):
        if not all(map(isfinite, rest)):
            break
        shown.append([*rest, *[0.0] * (size_of(metric) - len(rest))])
    return shown


def _exemplars_at(metric: Metric) -> int:
    """Where the numbers end that are added up."""
    return buckets_of(metric) + 1 if metric.kind == "histogram" else 1


def _combined(metric: Metric, runs: Iterable[Sequence[float]]) -> list[float]:
    """One number for each place; a sum is rounded once, or it would depend on who adds first, and counters could go down."""
    columns = list(zip(*runs, strict=True))
    if metric.aggregate == "max":
        return list(map(max, columns))
    try:
        return list(map(fsum, columns))
    except (
        OverflowError,
        ValueError,
    ):  # It is not defined for infinities of both signs, or beyond the largest double.
        return list(map(sum, columns))
