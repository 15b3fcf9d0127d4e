"""The answer to a scrape, read back with the parsers of prometheus_client."""

import gzip
import math
from collections.abc import Iterable
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import prometheus_client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector

from observability.conventions import Metric
from observability.metrics.exposition import Exposition, Wanted, wanted
from observability.metrics.instruments import Counter, Gauge, Histogram
from observability.metrics.registry import Registry
from observability.testing import recorded
from tests.unit.observability.conftest import Events

ORDERS = Metric("orders_total", "counter", 'Orders \\ "all"\nof them.', ("shop", "kind"))
STOCK = Metric("stock", "gauge", "Stock.", ("shop",))
WEIGHT = Metric("weight", "histogram", "Weight.", ("shop",), (0.5, 1.0, 1e6), exemplars=True)
TEXT, OPENMETRICS = wanted("", "", frozenset()), wanted("application/openmetrics-text", "", frozenset())
TRACE = "0af7651916cd43dd8448eb211c80319c"

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(families: Iterable[prometheus_client.Metric]) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
        if not family.name.startswith("telemetry_")
    }


def rendered(exposition: Exposition, what: Wanted) -> str:
    return exposition.render(what).decode()


@pytest.fixture
def exposition(registry: Registry) -> Exposition:
    return Exposition(registry)


def parsed(exposition: Exposition, what: Wanted) -> Samples:
    parse = parse_openmetrics if what.is_openmetrics else parse_text
    return samples(parse(rendered(exposition, what)))


class Shop(StrEnum):
    AMSTERDAM = "ams"


numbers = st.floats(allow_nan=False)


@pytest.mark.parametrize("what", [TEXT, OPENMETRICS], ids=["text", "openmetrics"])
@given(
    labels=st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r")),
    gauge=numbers,
    observed=st.lists(st.floats(0, 1e9)),
)
def test_what_is_written_reads_back_as_what_was_recorded(
    what: Wanted, labels: str, gauge: float, observed: list[float]
) -> None:
    registry = Registry()
    exposition = Exposition(registry)
    Counter(ORDERS, registry).labels(labels, "%s %d {}").inc(len(observed))
    Gauge(STOCK, registry).labels(labels).set(gauge)
    weight = Histogram(WEIGHT, registry).labels(labels)
    for value in observed:
        weight.observe(value, TRACE)
    before = samples(registry.collect())
    assert parsed(exposition, what) == before
    weight.observe(0.75)
    after = samples(registry.collect())
    assert parsed(exposition, what) == after != before


def test_a_long_exposition_gives_other_threads_their_turn(
    exposition: Exposition, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[float] = []
    monkeypatch.setattr("observability.metrics.text.time", SimpleNamespace(sleep=turns.append))
    stock = Gauge(STOCK, registry)
    for number in range(200):
        stock.labels(f"shop {number}").set(1)
    exposition.render(TEXT)
    assert turns == [0] * 3


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e300, -0.1, 2.0**60])
def test_unusual_numbers_are_written_as_prometheus_reads_them(
    registry: Registry, exposition: Exposition, value: float
) -> None:
    Gauge(STOCK, registry).labels("ams").set(value)
    found = parsed(exposition, OPENMETRICS)["stock", (("shop", "ams"),)]
    assert found == value or (math.isnan(found) and math.isnan(value))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(5, "5"), (None, "None"), (True, "True"), (Shop.AMSTERDAM, "ams"), ("\ud800-ams", "?-ams")],
)
@pytest.mark.parametrize("what", [TEXT, OPENMETRICS], ids=["text", "openmetrics"])
def test_a_label_value_that_is_no_text_is_shown_as_text(
    registry: Registry, exposition: Exposition, what: Wanted, value: Any, shown: str
) -> None:
    stock = Gauge(STOCK, registry)
    stock.labels(value).set(3)
    stock.labels(value).inc()
    assert parsed(exposition, what) == {("stock", (("shop", shown),)): 4}
    stock.labels(shown).inc()
    assert parsed(exposition, what) == {("stock", (("shop", shown),)): 5}


def test_only_what_changed_is_written_anew_and_all_of_that(
    registry: Registry, exposition: Exposition
) -> None:
    orders = Counter(ORDERS, registry)
    for kind in ("a", "b"):
        orders.labels("ams", kind).inc()
    assert parsed(exposition, TEXT) == samples(registry.collect())
    orders.labels("ams", "b").inc()
    orders.labels("ams", "c").inc()
    assert parsed(exposition, TEXT) == samples(registry.collect())


def test_heads_say_what_a_metric_is(registry: Registry, exposition: Exposition) -> None:
    Counter(ORDERS, registry).labels("ams", "a")
    documentation = r"Orders \\ " + '"all"' + r"\nof them."
    assert f"# HELP orders_total {documentation}\n# TYPE orders_total counter\n" in rendered(exposition, TEXT)
    assert f"# HELP orders {documentation}\n# TYPE orders counter\n" in rendered(exposition, OPENMETRICS)


def test_exemplars_are_for_openmetrics_alone_and_the_latest_of_a_bucket(
    registry: Registry, exposition: Exposition
) -> None:
    weight = Histogram(WEIGHT, registry).labels("ams")
    for value, trace_id in ((0.6, "f" * 32), (0.7, TRACE), (0.8, "")):
        weight.observe(value, trace_id)
    assert "trace_id" not in rendered(exposition, TEXT)
    (family,) = [
        each for each in parse_openmetrics(rendered(exposition, OPENMETRICS)) if each.name == "weight"
    ]
    exemplars = {s.labels["le"]: s.exemplar for s in family.samples if s.exemplar}
    assert set(exemplars) == {"1.0"}
    assert (exemplars["1.0"].labels, exemplars["1.0"].value) == ({"trace_id": TRACE}, 0.7)


def test_a_metric_without_exemplars_ignores_traces(registry: Registry, exposition: Exposition) -> None:
    Histogram(Metric("height", "histogram", "Height.", (), (1.0,)), registry).observe(0.5, TRACE)
    assert TRACE not in rendered(exposition, OPENMETRICS)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "text/plain;version=1.0.0;q=0.5,*/*",
            "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.1",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        (
            'application/openmetrics-text; version="1.0.0"; escaping="dots"',
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots",
        ),
        ("text/plain;version=latest", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=1.x", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
def test_the_format_is_negotiated(accept: str, content_type: str) -> None:
    assert wanted(accept, "", frozenset()).content_type == content_type


@pytest.mark.parametrize(
    ("accept_encoding", "is_compressed"),
    [
        ("", False),
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("gzip;q=0.001", True),
        ("identity", False),
    ],
)
def test_gzip_is_for_those_who_accept_it(accept_encoding: str, is_compressed: bool) -> None:  # noqa: FBT001
    assert wanted("", accept_encoding, frozenset()).is_compressed == is_compressed


def test_a_compressed_answer_is_the_plain_one(registry: Registry, exposition: Exposition) -> None:
    Counter(ORDERS, registry).labels("ams", "a").inc()
    names = frozenset({"orders_total"})
    plain = exposition.render(wanted("", "", names))
    assert gzip.decompress(exposition.render(wanted("", "gzip", names))) == plain


def test_samples_can_be_asked_for_by_name(registry: Registry, exposition: Exposition) -> None:
    Counter(ORDERS, registry).labels("ams", "a").inc()
    Histogram(WEIGHT, registry).labels("ams").observe(1)
    Gauge(STOCK, registry).labels("ams").set(1)
    text = rendered(exposition, wanted("", "", frozenset({"weight_count", "stock", "absent"})))
    assert text == (
        "# HELP stock Stock.\n# TYPE stock gauge\n"
        'stock{shop="ams"} 1\n'
        "# HELP weight Weight.\n# TYPE weight histogram\n"
        'weight_count{shop="ams"} 1\n'
    )


@pytest.mark.parametrize("what", [TEXT, OPENMETRICS], ids=["text", "openmetrics"])
def test_a_label_value_may_hold_any_end_of_line(
    registry: Registry, exposition: Exposition, what: Wanted
) -> None:
    value = "a\nb\rc\r\nd\x0be\x85f\u2028"
    Counter(ORDERS, registry).labels(value, "a").inc()
    found = parsed(exposition, what._replace(names=frozenset({"orders_total"})))
    assert found == {("orders_total", (("kind", "a"), ("shop", value))): 1}


def test_openmetrics_ends_where_it_says(registry: Registry, exposition: Exposition) -> None:
    registry.register(prometheus_client.Gauge("foreign", "Foreign.", registry=None))
    for names in ((), ("foreign",)):
        text = rendered(exposition, OPENMETRICS._replace(names=frozenset(names)))
        assert text.count("# EOF") == 1
        assert text.endswith("\n# EOF\n")


def test_foreign_collectors_are_exposed_too_and_nothing_twice() -> None:
    foreign = prometheus_client.CollectorRegistry()
    registry = Registry(foreign)
    exposition = Exposition(registry)
    Counter(ORDERS, registry).labels("ams", "a").inc()
    prometheus_client.Counter("orders", "Theirs.", registry=foreign).inc(7)
    prometheus_client.Counter("others", "Others.", registry=foreign).inc(3)
    Counter(Metric("visits_total", "counter", "Visits."), registry)
    prometheus_client.Gauge("visits", "Theirs.", registry=foreign)
    text = rendered(exposition, TEXT)
    assert text.count("# TYPE orders_total") == 1
    assert rendered(exposition, OPENMETRICS).count("# TYPE visits ") == 1
    assert "\nothers_total 3.0\n" in text
    assert recorded(registry, "orders_total") == 1


class Broken(Collector):
    def collect(self) -> Iterable[prometheus_client.Metric]:
        msg = "no database"
        raise ConnectionError(msg)


def test_a_foreign_collector_that_fails_takes_nothing_with_it(
    registry: Registry, exposition: Exposition, events: Events
) -> None:
    # prometheus_client asks a collector what it has when it is registered.
    registry.foreign._auto_describe = False
    registry.register(Broken())
    Counter(ORDERS, registry).labels("ams", "a").inc()
    assert "orders_total{" in rendered(exposition, TEXT)
    assert events.get_nowait()["event"] == "foreign_collector_failed"


@pytest.mark.parametrize("what", [TEXT, OPENMETRICS], ids=["text", "openmetrics"])
def test_the_telemetry_counts_its_series_and_times_its_scrapes(
    registry: Registry, exposition: Exposition, what: Wanted
) -> None:
    registry.register(prometheus_client.Gauge("foreign", "Foreign.", registry=None))
    Histogram(WEIGHT, registry).labels("ams")
    rendered(exposition, what)
    lines = rendered(exposition, what).splitlines()
    there = [line for line in lines if not line.startswith("#")]
    assert f"telemetry_series {len(there)}" in lines
    assert recorded(registry, "telemetry_scrape_duration_seconds_count") == 2
