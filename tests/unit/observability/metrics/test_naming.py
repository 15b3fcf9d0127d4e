"""What strangers call their metrics."""

import pytest

from observability.conventions import Metric
from observability.metrics.instruments import Counter, Gauge, Histogram
from observability.metrics.registry import Registry
from observability.testing import series

FAMILIES = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}


@pytest.mark.parametrize(
    ("family", "metric", "complaint"),
    [
        (
            Gauge,
            Metric("orders_total", "counter", ""),
            "'orders_total' is described as a counter, not as a gauge",
        ),
        (Counter, Metric("orders", "counter", ""), "'orders' must end in `_total`"),
        (Gauge, Metric("stock_total", "gauge", ""), "as only counters do"),
        (Gauge, Metric("oak boards", "gauge", ""), "name that Prometheus does not accept"),
        (Gauge, Metric("stock\n", "gauge", ""), "name that Prometheus does not accept"),
        (Gauge, Metric("stock", "gauge", "", ("ware house",)), "'ware house'"),
        (Gauge, Metric("stock", "gauge", "", ("__name__",)), "'__name__'"),
        (Gauge, Metric("stock", "gauge", "", ("shop", "shop")), "one label twice"),
        (Histogram, Metric("weight", "histogram", "", ("le",)), "'le'"),
        (Histogram, Metric("weight", "histogram", "", (), (1.0, float("inf"))), "no finite number"),
    ],
)
def test_a_metric_that_cannot_be_exposed_is_a_clear_error_and_leaves_nothing(
    family: type[Counter], metric: Metric, complaint: str, registry: Registry
) -> None:
    with pytest.raises(ValueError, match=complaint):
        family(metric, registry)
    assert series(registry, metric.name) == {}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Metric("orders_total", "counter", ""), Metric("orders", "gauge", "")),
        (Metric("orders_total", "counter", ""), Metric("orders", "histogram", "", (), (1.0,))),
        (Metric("weight", "histogram", "", (), (1.0,)), Metric("weight_count", "gauge", "")),
    ],
)
def test_metrics_whose_samples_would_mix_are_a_clear_error(
    first: Metric, second: Metric, registry: Registry
) -> None:
    FAMILIES[first.kind](first, registry)
    with pytest.raises(ValueError, match=f"metric {first.name} .* {second.name} would mix"):
        FAMILIES[second.kind](second, registry)
    assert second.name not in {metric.name for metric, _ in registry.families()}
    other = Registry()
    FAMILIES[second.kind](second, other)
    with pytest.raises(ValueError, match=f"metric {second.name} .* {first.name} would mix"):
        FAMILIES[first.kind](first, other)


def test_a_gauge_may_have_a_label_le(registry: Registry) -> None:
    Gauge(Metric("quantiles", "gauge", "", ("le",)), registry).labels("0.5").set(1)
    assert series(registry, "quantiles", le="0.5")
