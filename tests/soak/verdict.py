"""Whether a figure stays flat: what it was in the second quarter of the run against the last.

The first quarter is for what fills once: pools, caches, compiled statements. Medians, because a figure that rises and falls is flat as long as it
comes back, and because a moment at which a process starts says nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from tests.soak.figures import SUBJECTS, Figure, Sample, Subject


@dataclass(frozen=True, slots=True)
class Trend:
    """A figure in the second quarter and in the last; None where it was not seen."""

    subject: Subject
    before: float | None
    after: float | None

    @property
    def figure(self) -> Figure:
        return self.subject[0]

    @property
    def limit(self) -> float | None:
        """What it may be in the last quarter."""
        return None if self.before is None else self.figure.limit(self.before)

    @property
    def is_flat(self) -> bool:
        return self.after is not None and self.limit is not None and self.after <= self.limit


def trends(samples: Sequence[Sample], seconds: float) -> list[Trend]:
    """Of every figure, in a run of so many seconds."""
    second = [sample for sample in samples if 0.25 * seconds <= sample.moment < 0.5 * seconds]
    last = [sample for sample in samples if 0.75 * seconds <= sample.moment <= seconds]
    return [Trend(subject, _median(subject, second), _median(subject, last)) for subject in SUBJECTS]


def complaints(found: Iterable[Trend]) -> Iterator[str]:
    """Which figures grew, a sentence each."""
    for trend in found:
        figure, whose = trend.subject
        if trend.before is None or trend.after is None or trend.limit is None:
            yield f"{figure.name} of {whose}: not seen in the second or the last quarter"
        elif not trend.is_flat:
            yield (
                f"{figure.name} of {whose} grew from {trend.before:,.1f} in the second quarter "
                f"to {trend.after:,.1f} in the last; up to {trend.limit:,.1f} would be flat"
            )


def _median(subject: Subject, samples: Iterable[Sample]) -> float | None:
    values = [sample.values[subject] for sample in samples if subject in sample.values]
    return median(values) if values else None
