"""Queries, from the names in `observability.conventions`.

Every selector keeps to the chosen jobs and instances; a rate always spans `$__rate_interval`; percentiles come from summed
buckets, never from other percentiles; a share of nothing is absent, not NaN.
"""

from collections.abc import Iterable, Sequence

from observability.conventions import Metric

CHOSEN = ('job=~"$job"', 'instance=~"$instance"')
RATE_WINDOW = "$__rate_interval"
RANGE_WINDOW = "$__range"


def select(metric: Metric, *matchers: str) -> str:
    return _select(metric.name, (*CHOSEN, *matchers))


def select_everywhere(metric: Metric, *matchers: str) -> str:
    """Of all jobs and instances: what belongs to none of the service's, such as an exporter or a recorded rule."""
    return _select(metric.name, matchers)


def select_count(histogram: Metric, *matchers: str) -> str:
    """What counts the observations of a histogram."""
    return _select(f"{histogram.name}_count", (*CHOSEN, *matchers))


def rate(counter: Metric, *matchers: str, by: Sequence[str] = ()) -> str:
    """How often a second."""
    return sum_by(by, f"rate({select(counter, *matchers)}[{RATE_WINDOW}])")


def increase(counter: Metric, *matchers: str, by: Sequence[str] = ()) -> str:
    """How often within the time that the board shows."""
    return sum_by(by, f"increase({select(counter, *matchers)}[{RANGE_WINDOW}])")


def count_rate(histogram: Metric, *matchers: str, by: Sequence[str] = ()) -> str:
    """How many observations a second."""
    return sum_by(by, f"rate({select_count(histogram, *matchers)}[{RATE_WINDOW}])")


def sum_rate(histogram: Metric, *matchers: str, by: Sequence[str] = ()) -> str:
    """How much a second: of seconds spent, how many callers are inside on average."""
    return sum_by(by, f"rate({_select(histogram.name + '_sum', (*CHOSEN, *matchers))}[{RATE_WINDOW}])")


def buckets(histogram: Metric, *matchers: str, by: Sequence[str] = (), window: str = RATE_WINDOW) -> str:
    selector = _select(histogram.name + "_bucket", (*CHOSEN, *matchers))
    return sum_by(("le", *by), f"rate({selector}[{window}])")


def percentile(
    percent: int, histogram: Metric, *matchers: str, by: Sequence[str] = (), window: str = RATE_WINDOW
) -> str:
    inside = buckets(histogram, *matchers, by=by, window=window)
    return f"histogram_quantile({percent / 100:g}, {inside})"


def share_within(histogram: Metric, bound: float, *matchers: str, by: Sequence[str] = ()) -> str:
    """The share of observations up to `bound`, which has to be one of its buckets.

    Raises:
        ValueError: There is no such bucket, so nothing could count them.
    """
    if bound not in histogram.buckets:
        msg = f"{histogram.name} has no bucket {bound:g}: choose one of {', '.join(map('{:g}'.format, histogram.buckets))}"
        raise ValueError(msg)
    selector = _select(histogram.name + "_bucket", (*CHOSEN, *matchers, f'le="{bound!r}"'))
    within = sum_by(by, f"rate({selector}[{RATE_WINDOW}])")
    # Rates are extrapolated one by one, so that a part of a young series can seem more than its whole.
    return f"clamp_max({share(within, count_rate(histogram, *matchers, by=by), by=by)}, 1)"


def total(gauge: Metric, *matchers: str, by: Sequence[str] = ()) -> str:
    return sum_by(by, select(gauge, *matchers))


def largest(gauge: Metric, *matchers: str, by: Sequence[str] = ()) -> str:
    return f"max{_by(by)} ({select(gauge, *matchers)})"


def share(part: str, whole: str, *, by: Sequence[str] = ()) -> str:
    """`part` of `whole`: 0 where there is no such part yet, absent where there is nothing to share."""
    return f"({part} or 0 * {whole}) / ({whole} > 0)" if by else f"({part} or vector(0)) / ({whole} > 0)"


def or_none(expr: str, label: str, whole: str) -> str:
    """`expr` by `label`; a flat 0 called `none` while there is nothing, so that nothing and no data look different."""
    return f'{expr} or label_replace(0 * {whole}, "{label}", "none", "", "")'


def sum_by(labels: Iterable[str], inside: str) -> str:
    return f"sum{_by(labels)} ({inside})"


def status_class(inside: str, status: str, *, by: Sequence[str] = ()) -> str:
    """Sum over status codes of one class: `class` reads 2xx, 3xx, 4xx or 5xx."""
    return f'sum by ({", ".join((*by, "class"))}) (label_replace({inside}, "class", "${{1}}xx", "{status}", "(.).."))'


def _select(name: str, matchers: Sequence[str]) -> str:
    return f"{name}{{{', '.join(matchers)}}}" if matchers else name


def _by(labels: Iterable[str]) -> str:
    listed = ", ".join(labels)
    return f" by ({listed})" if listed else ""
