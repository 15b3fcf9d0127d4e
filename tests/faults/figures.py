"""What a run is summed up in."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.faults.promises import (
    Outcome,
    acknowledged_writes_are_there,
    broken,
    nothing_happened_twice,
)
from tests.faults.schedule import Fault, schedule

_HEADINGS = ("seed", "requests", "faults", "acknowledged", "lost", "twice", "no answer", "5xx", "recovered")


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one seed, or of all together."""

    title: str
    requests: int
    faults: int
    acknowledged: int
    lost: int
    duplicated: int
    unanswered: int
    failures: Counter[str]
    recovered_in: float

    def row(self) -> tuple[str, ...]:
        """The cells of the table."""
        counts = (self.requests, self.faults, self.acknowledged, self.lost, self.duplicated, self.unanswered)
        return (
            self.title,
            *(f"{count:,}" for count in counts),
            f"{self.failures.total():,}",
            f"{self.recovered_in:.1f} s",
        )


def figures(seed: int, outcome: Outcome) -> Figures:
    """Of one seed."""
    history = outcome.history
    return Figures(
        title=str(seed),
        requests=len(history.exchanges),
        faults=len(history.windows),
        acknowledged=history.acknowledged(),
        lost=len([*acknowledged_writes_are_there(outcome)]),
        duplicated=len([*nothing_happened_twice(outcome)]),
        unanswered=sum(exchange.status == 0 for exchange in history.exchanges),
        failures=history.causes(),
        recovered_in=outcome.recovered_in,
    )


def total(each: Sequence[Figures]) -> Figures:
    """Of all; the time is the longest."""
    return Figures(
        title="all",
        requests=sum(one.requests for one in each),
        faults=sum(one.faults for one in each),
        acknowledged=sum(one.acknowledged for one in each),
        lost=sum(one.lost for one in each),
        duplicated=sum(one.duplicated for one in each),
        unanswered=sum(one.unanswered for one in each),
        failures=sum((one.failures for one in each), Counter()),
        recovered_in=max((one.recovered_in for one in each), default=0.0),
    )


def heading() -> str:
    """The first line of the table."""
    return _line(_HEADINGS)


def line(one: Figures) -> str:
    """A line of the table."""
    return _line(one.row())


def causes(one: Figures) -> Iterable[str]:
    """The 5xx by what they said and who was hurt, the most frequent first."""
    for cause, count in one.failures.most_common():
        yield f"{count:6,}  {cause}"


def complaint(seed: int, outcome: Outcome, *, shown: int = 5) -> str:
    """What was promised and is not so, what was done, and how to do it again; empty when all is well."""
    found = broken(outcome)
    if not found:
        return ""
    lines = [f'Seed {seed} broke what is promised. Again: make faults ARGS="--seed {seed}"']
    for title, words in found.items():
        lines += [f"  Not so: {title} ({len(words)} times)", *(f"    {word}" for word in words[:shown])]
    return "\n".join([*lines, *told(schedule(seed))])


def told(faults: Iterable[Fault]) -> list[str]:
    """The schedule, line by line."""
    return [f"  {fault}" for fault in faults]


def _line(cells: Iterable[str]) -> str:
    return "  ".join(cell.rjust(len(title)) for cell, title in zip(cells, _HEADINGS, strict=True))
