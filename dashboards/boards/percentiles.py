"""The three lines of each graph of durations."""

from dashboards.boards.panels import Ask
from dashboards.boards.promql import percentile
from observability.conventions import Metric

USUAL, SLOW, SLOWEST = 50, 95, 99


def percentiles(histogram: Metric, *matchers: str) -> tuple[Ask, ...]:
    """Half, 95 % and 99 %; single requests with their traces come with the last, where the metric has them."""
    return (
        Ask(percentile(USUAL, histogram, *matchers), f"p{USUAL}"),
        Ask(percentile(SLOW, histogram, *matchers), f"p{SLOW}"),
        Ask(percentile(SLOWEST, histogram, *matchers), f"p{SLOWEST}", exemplars=histogram.exemplars),
    )
