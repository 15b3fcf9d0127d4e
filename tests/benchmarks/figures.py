"""What was measured, one value a round, and what can honestly be said about it."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Figure:
    """One value for each round of one contender."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles; of fewer than four rounds the smallest and the largest value."""
        if len(self.values) < 4:
            return min(self.values), max(self.values)
        first, _, third = quantiles(self.values, n=4, method="inclusive")
        return first, third

    def minus(self, other: "Figure") -> "Figure":
        """The difference in each round: what disturbs a whole round cancels out."""
        return self._paired(other, lambda mine, theirs: mine - theirs)

    def over(self, other: "Figure") -> "Figure":
        """The ratio in each round."""
        return self._paired(other, lambda mine, theirs: mine / theirs)

    def times(self, factor: float) -> "Figure":
        return Figure(tuple(value * factor for value in self.values))

    def _paired(self, other: "Figure", combine: Callable[[float, float], float]) -> "Figure":
        return Figure(tuple(combine(*pair) for pair in zip(self.values, other.values, strict=True)))


@dataclass(frozen=True, slots=True)
class Target:
    """A bound that a median should keep."""

    bound: float
    is_upper: bool

    def is_met(self, figure: Figure) -> bool:
        return figure.median <= self.bound if self.is_upper else figure.median >= self.bound


def at_most(bound: float) -> Target:
    return Target(bound, is_upper=True)


def at_least(bound: float) -> Target:
    return Target(bound, is_upper=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. A unit is spelt as it is shown, empty for a ratio."""

    what: str
    figure: Figure
    unit: str = ""
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a row found, and what a reader has to know about it."""

    lines: tuple[Line, ...]
    remarks: tuple[str, ...] = ()
