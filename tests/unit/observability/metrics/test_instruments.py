"""What counters, gauges and histograms record."""

import sys
import threading
from collections.abc import Iterator

import pytest

from observability.conventions import OVERFLOW, Metric
from observability.metrics.instruments import Counter, Gauge, Histogram
from observability.metrics.registry import Registry
from observability.testing import label_values, recorded, series
from tests.unit.observability.conftest import Events

ORDERS = Metric("orders_total", "counter", "Orders.", ("shop",))
STOCK = Metric("stock", "gauge", "Stock.", ("shop",))
WEIGHT = Metric("weight", "histogram", "Weight.", ("shop",), (1.0, 2.5))


def test_a_counter_adds_up(registry: Registry) -> None:
    orders = Counter(ORDERS, registry).labels("ams")
    orders.inc()
    orders.inc(2.5)
    assert recorded(registry, "orders_total", shop="ams") == 3.5


def test_a_counter_never_goes_down(registry: Registry) -> None:
    orders = Counter(ORDERS, registry).labels("ams")
    with pytest.raises(ValueError, match="use a gauge"):
        orders.inc(-1)
    assert recorded(registry, "orders_total") == 0


def test_a_gauge_goes_up_and_down_and_anywhere(registry: Registry) -> None:
    stock = Gauge(STOCK, registry).labels("ams")
    stock.inc(5)
    stock.dec(2)
    assert recorded(registry, "stock") == 3
    stock.set(-1.5)
    assert recorded(registry, "stock") == -1.5


def test_a_histogram_counts_a_value_in_its_bucket_and_all_above(registry: Registry) -> None:
    weight = Histogram(WEIGHT, registry).labels("ams")
    for value in (0.5, 1.0, 1.1, 2.5, 2.6):
        weight.observe(value)
    buckets = {le: recorded(registry, "weight_bucket", le=le) for le in ("1.0", "2.5", "+Inf")}
    assert buckets == {"1.0": 2, "2.5": 4, "+Inf": 5}
    assert recorded(registry, "weight_count") == 5
    assert recorded(registry, "weight_sum") == pytest.approx(7.7)


def test_families_without_labels_are_their_only_series(registry: Registry) -> None:
    counter = Counter(Metric("a_total", "counter", "A."), registry)
    gauge = Gauge(Metric("b", "gauge", "B."), registry)
    histogram = Histogram(Metric("c", "histogram", "C.", (), (1.0,)), registry)
    assert [recorded(registry, name) for name in ("a_total", "b", "c_count")] == [0, 0, 0]
    counter.inc(2)
    gauge.inc(5)
    gauge.dec()
    histogram.observe(3)
    assert [recorded(registry, name) for name in ("a_total", "b", "c_sum")] == [2, 4, 3]
    gauge.set(9)
    assert recorded(registry, "b") == 9


@pytest.mark.parametrize("values", [(), ("ams", "more")])
def test_label_values_that_do_not_fit_are_a_clear_error(registry: Registry, values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"orders_total has the labels \('shop',\)"):
        Counter(ORDERS, registry).labels(*values)


def test_a_name_is_taken_once(registry: Registry) -> None:
    Counter(ORDERS, registry)
    with pytest.raises(ValueError, match="orders_total in this registry already"):
        Counter(ORDERS, registry)


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads take turns as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("impatient")
def test_no_count_is_lost_between_threads(registry: Registry) -> None:
    orders, weight = Counter(ORDERS, registry), Histogram(WEIGHT, registry)

    def record() -> None:
        for number in range(20_000):
            orders.labels("ams").inc()
            weight.labels("ams").observe(number % 4)

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorded(registry, "orders_total") == 80_000
    assert recorded(registry, "weight_count") == 80_000
    assert recorded(registry, "weight_sum") == 4 * 5_000 * (0 + 1 + 2 + 3)


def test_a_flood_of_label_values_ends_in_one_series(events: Events) -> None:
    registry = Registry(series_budget=50)
    orders = Counter(ORDERS, registry)
    for number in range(10_000):
        orders.labels(f"shop {number}").inc()
    orders.labels("shop 7").inc()
    assert len(series(registry, "orders_total")) == 51
    assert recorded(registry, "orders_total", shop="shop 7") == 2
    assert recorded(registry, "orders_total", shop=OVERFLOW) == 9_950
    assert recorded(registry, "telemetry_series_dropped_total", metric="orders_total") == 9_950
    # Watchdogs of other tests' applications may speak meanwhile.
    said = [events.get_nowait() for _ in range(events.qsize())]
    exhausted = [each["metric"] for each in said if each["event"] == "series_budget_exhausted"]
    assert exhausted == ["orders_total"]


def test_metrics_have_budgets_of_their_own() -> None:
    registry = Registry(series_budget=1)
    Counter(ORDERS, registry).labels("ams").inc()
    Gauge(STOCK, registry).labels("ams").set(1)
    assert label_values(registry, "orders_total", "shop") == {"ams"}
    assert label_values(registry, "stock", "shop") == {"ams"}


def test_many_series_find_room(registry: Registry) -> None:
    weight = Histogram(WEIGHT, registry)
    for number in range(2_000):
        weight.labels(str(number)).observe(number)
    sums = {dict(labels)["shop"]: value for labels, value in series(registry, "weight_sum").items()}
    assert sums == {str(number): number for number in range(2_000)}
