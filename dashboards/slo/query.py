"""Expressions over what the service's own processes expose, told apart by job and instance."""

from dataclasses import dataclass

from observability.conventions import Metric

JOB, INSTANCE = "job", "instance"


@dataclass(frozen=True, slots=True)
class Query:
    """Builds expressions that select these jobs; further matchers are written as in PromQL."""

    jobs: tuple[str, ...]

    def series(self, name: str, *matchers: str) -> str:
        """All series of a name."""
        return f"{name}{{{', '.join((self._ours, *matchers))}}}"

    def rate(self, name: str, window: str, *matchers: str, by: tuple[str, ...] = ()) -> str:
        """How many a second."""
        return f"{_sum(by)} (rate({self.series(name, *matchers)}[{window}]))"

    def increase(self, name: str, window: str, *matchers: str, by: tuple[str, ...] = ()) -> str:
        """How many within the window."""
        return f"{_sum(by)} (increase({self.series(name, *matchers)}[{window}]))"

    def quantile(self, share: float, histogram: Metric, window: str, by: tuple[str, ...] = ()) -> str:
        """What this share of the observations does not exceed."""
        inside = self.rate(f"{histogram.name}_bucket", window, by=(*by, "le"))
        return f"histogram_quantile({share:g},\n  {inside}\n)"

    @property
    def _ours(self) -> str:
        return f'{JOB}=~"{"|".join(self.jobs)}"' if len(self.jobs) > 1 else f'{JOB}="{self.jobs[0]}"'


def share_above(part: str, whole: str, *, bound: float, minimum: int) -> str:
    """The share of a whole where it is above the bound and the part at least so many."""
    return f"(\n  {part}\n  /\n  {whole}\n) > {bound:g}\nand\n{part} >= {minimum}"


def value_of(label: str) -> str:
    """A label of the alert within a text."""
    return f"{{{{ $labels.{label} }}}}"


def _sum(by: tuple[str, ...]) -> str:
    return f"sum by ({', '.join((JOB, INSTANCE, *by))})"
