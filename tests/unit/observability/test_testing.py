"""The fakes that users' tests rely on."""

import pytest

from observability.conventions import Metric
from observability.metrics.instruments import Counter
from observability.metrics.registry import Registry
from observability.testing import label_values, recorded, series


@pytest.fixture
def registry(registry: Registry) -> Registry:
    family = Counter(Metric("orders_total", "counter", "Orders.", ("shop", "kind")), registry)
    family.labels("north", "gift").inc(2)
    family.labels("south", "gift").inc(3)
    return registry


def test_one_sample_is_read_by_its_labels(registry: Registry) -> None:
    assert recorded(registry, "orders_total", shop="north") == 2
    assert recorded(registry, "orders_total", shop="south", kind="gift") == 3


def test_what_was_not_recorded_is_none(registry: Registry) -> None:
    assert recorded(registry, "orders_total", shop="west") is None
    assert recorded(registry, "refunds_total") is None


def test_labels_that_fit_several_samples_are_an_error(registry: Registry) -> None:
    with pytest.raises(LookupError, match="2 samples of orders_total"):
        recorded(registry, "orders_total", kind="gift")


def test_every_sample_is_listed_by_its_labels(registry: Registry) -> None:
    assert series(registry, "orders_total", kind="gift") == {
        (("kind", "gift"), ("shop", "north")): 2,
        (("kind", "gift"), ("shop", "south")): 3,
    }


def test_the_values_of_a_label_are_listed(registry: Registry) -> None:
    assert label_values(registry, "orders_total", "shop") == {"north", "south"}
