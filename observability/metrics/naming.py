"""What a metric may look like: a name that Prometheus does not know would cost the whole scrape."""

import math
import re
from collections.abc import Iterator

from observability.conventions import Kind, Metric

# https://prometheus.io/docs/concepts/data_model/
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


def check(metric: Metric, kind: Kind) -> None:
    """Refuse what cannot be exposed as this kind.

    Raises:
        ValueError: It says what is wrong.
    """
    for fault in _faults(metric, kind):
        msg = f"The metric {metric.name!r} {fault}"
        raise ValueError(msg)


def names_of(metric: Metric) -> tuple[str, ...]:
    """Every name that it or its samples go by; OpenMetrics calls a counter by its name without `_total`."""
    parts = ("_bucket", "_count", "_sum") if metric.kind == "histogram" else ()
    return metric.name.removesuffix("_total"), metric.name, *(metric.name + part for part in parts)


def _faults(metric: Metric, kind: Kind) -> Iterator[str]:
    if metric.kind != kind:
        yield f"is described as a {metric.kind}, not as a {kind}"
    if not _NAME.fullmatch(metric.name):
        yield "has a name that Prometheus does not accept: use letters, digits, and underscores"
    if (kind == "counter") != metric.name.endswith("_total"):
        yield "must end in `_total`" if kind == "counter" else "ends in `_total`, as only counters do"
    for label in metric.labels:
        if not _LABEL.fullmatch(label) or (kind == "histogram" and label == "le"):
            yield f"has a label that Prometheus does not accept: {label!r}"
    if len(set(metric.labels)) < len(metric.labels):
        yield "has one label twice"
    if not all(map(math.isfinite, metric.buckets)):
        yield "has a bucket that is no finite number; the infinite one is always there"
