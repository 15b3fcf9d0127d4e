"""What the recorders expose, against what the conventions promise."""

from itertools import count

import prometheus_client
import pytest

from observability import conventions
from observability.conventions import METRICS, Metric
from observability.metrics.cache import CacheFamilies
from observability.metrics.children import Children
from observability.metrics.http import HttpMetrics
from observability.metrics.instruments import Counter, Gauge, Histogram
from observability.metrics.recorders import recorders, show_build
from observability.metrics.registry import Registry
from observability.metrics.runtime import RuntimeMetrics
from observability.testing import label_values, recorded, series


def test_a_child_is_made_once_per_key() -> None:
    numbers = count()
    children: Children[str, int] = Children(lambda _: next(numbers))
    assert [children["a"], children["a"], children["b"], children["a"]] == [0, 0, 1, 0]


def test_a_flood_of_keys_is_served_but_not_remembered() -> None:
    children: Children[int, int] = Children(lambda key: key)
    assert [children[number] for number in range(10_000)] == list(range(10_000))
    assert len(children) < 5_000


# The registry and the exposition record these themselves.
SELF_MADE = {"telemetry_series", "telemetry_series_dropped_total"}
RECORDED = [metric for metric in METRICS if metric.name not in SELF_MADE]


@pytest.mark.parametrize("metric", RECORDED, ids=[metric.name for metric in RECORDED])
def test_every_convention_can_be_recorded_under_its_exact_name(metric: Metric, registry: Registry) -> None:
    values = ["x" for _ in metric.labels]
    sample = metric.name
    if metric.kind == "counter":
        family = Counter(metric, registry)
        (family.labels(*values) if values else family).inc()
    elif metric.kind == "gauge":
        gauges = Gauge(metric, registry)
        (gauges.labels(*values) if values else gauges).set(1)
    else:
        histograms, sample = Histogram(metric, registry), f"{metric.name}_count"
        (histograms.labels(*values) if values else histograms).observe(1)
    assert recorded(registry, sample, **dict.fromkeys(metric.labels, "x")) == 1


def test_thresholds_join_the_buckets_in_order(registry: Registry) -> None:
    family = Histogram(conventions.LOOP_LAG, registry, (0.3, 0.005, 20.0))
    family.observe(0.2)
    bounds = [float(value) for value in label_values(registry, f"{conventions.LOOP_LAG.name}_bucket", "le")]
    assert sorted(bounds) == sorted({*conventions.LAG_BUCKETS, 0.3, 20.0, float("inf")})


def test_every_signal_can_be_registered_together(registry: Registry) -> None:
    recorders(registry)
    HttpMetrics(registry)
    show_build(registry, "1", "abc")
    with pytest.raises(ValueError, match="already"):
        recorders(registry)


def test_a_cache_shows_each_result_from_the_start(registry: Registry) -> None:
    cache = CacheFamilies(registry).cache("catalogue")
    assert label_values(registry, "cache_requests_total", "result") == {
        "hit",
        "stale",
        "miss",
        "bypass",
        "error",
    }
    cache.looked_up("stale")
    assert recorded(registry, "cache_requests_total", cache="catalogue", result="stale") == 1
    assert sum(series(registry, "cache_requests_total").values()) == 1


def test_what_a_cache_prevents_and_forgets_is_counted(registry: Registry) -> None:
    cache = CacheFamilies(registry).cache("catalogue")
    cache.coalesced()
    cache.invalidated()
    cache.filled(0.5)
    assert recorded(registry, "cache_coalesced_total", cache="catalogue") == 1
    assert recorded(registry, "cache_invalidations_total", cache="catalogue") == 1
    assert recorded(registry, "cache_fill_duration_seconds_sum", cache="catalogue") == 0.5


def test_a_breaker_shows_whether_it_is_open(registry: Registry) -> None:
    cache = CacheFamilies(registry).cache("catalogue")
    assert recorded(registry, "cache_breaker_open", cache="catalogue") == 0
    cache.breaker_opened()
    assert recorded(registry, "cache_breaker_open", cache="catalogue") == 1
    cache.breaker_closed()
    assert recorded(registry, "cache_breaker_open", cache="catalogue") == 0


def test_collectors_of_prometheus_client_are_exposed_too(registry: Registry) -> None:
    foreign = prometheus_client.Counter("orders", "Orders.", registry=None)
    registry.register(foreign)
    foreign.inc(3)
    assert recorded(registry, "orders_total") == 3


def test_culprits_beyond_the_budget_are_counted_together(registry: Registry) -> None:
    metrics = RuntimeMetrics(registry, culprit_budget=2)
    for culprit in ("a:b", "c:d", "e:f", "a:b", "g:h"):
        metrics.loop_blocked(culprit)
    assert {
        dict(labels)["culprit"]: value
        for labels, value in series(registry, "asyncio_event_loop_blocked_total").items()
    } == {"a:b": 2, "c:d": 1, conventions.OVERFLOW: 2}
