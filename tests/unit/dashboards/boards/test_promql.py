import pytest

from dashboards.boards.promql import percentile, rate, share, share_within, status_class
from observability import conventions as c

CHOSEN = 'job=~"$job", instance=~"$instance"'


def test_a_rate_keeps_to_what_was_chosen_and_sums_over_instances() -> None:
    expected = f"sum by (cache) (rate(cache_coalesced_total{{{CHOSEN}}}[$__rate_interval]))"
    assert rate(c.CACHE_COALESCED, by=(c.CACHE,)) == expected


def test_a_percentile_comes_from_summed_buckets() -> None:
    expected = (
        "histogram_quantile(0.95, sum by (le, runner) "
        f"(rate(background_task_duration_seconds_bucket{{{CHOSEN}}}[$__rate_interval])))"
    )
    assert percentile(95, c.TASK_DURATION, by=(c.RUNNER,)) == expected


def test_a_share_of_one_whole_is_zero_without_its_part() -> None:
    assert share("part", "whole") == "(part or vector(0)) / (whole > 0)"


def test_a_share_of_several_wholes_is_zero_for_each_without_its_part() -> None:
    assert share("part", "whole", by=("cache",)) == "(part or 0 * whole) / (whole > 0)"


@pytest.mark.parametrize(("bound", "le"), [(0.25, "0.25"), (1.0, "1.0"), (10.0, "10.0")])
def test_a_bound_is_spelt_as_the_service_spells_its_bucket(bound: float, le: str) -> None:
    assert f'le="{le}"' in share_within(c.HTTP_REQUEST_DURATION, bound)


def test_a_bound_that_is_no_bucket_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"has no bucket 0\.3: choose one of .*0\.25, 0\.5"):
        share_within(c.HTTP_REQUEST_DURATION, 0.3)


def test_statuses_become_their_class() -> None:
    expected = (
        'sum by (class) (label_replace(rates, "class", "${1}xx", "http_response_status_code", "(.).."))'
    )
    assert status_class("rates", c.STATUS) == expected
