"""What the boards ask for exists, and what exists is on a board."""

import re
from collections.abc import Iterator

import pytest

from dashboards.boards.foreign import FOREIGN
from observability import conventions
from tests.boards import Query, annotation_queries, boards, filled_in, panel_queries, variable_queries
from tests.unit.dashboards.boards.queries import Parts, Selector, known, parts

OF_EVERY_SERIES = {"job", "instance"}
BOARDS = sorted(boards())


def queries(uid: str) -> Iterator[Query]:
    yield from panel_queries(uid)
    yield from annotation_queries(uid)


def labels_of(selector: Selector) -> set[str]:
    metric = known()[selector.name]
    own = {*metric.labels, *OF_EVERY_SERIES}
    return own | {"le"} if selector.name.endswith("_bucket") else own


def made_by_the_query(query: Parts) -> set[str]:
    return {call.args[1].val for call in query.calls if call.func.name == "label_replace"}


@pytest.mark.parametrize("uid", BOARDS)
def test_each_query_asks_for_metrics_and_labels_that_exist(uid: str) -> None:
    for query in queries(uid):
        for selector in parts(filled_in(query.expr)).selectors:
            assert selector.name in known(), query
            assert selector.labels <= labels_of(selector), query


@pytest.mark.parametrize("uid", BOARDS)
def test_each_query_groups_by_labels_that_its_metrics_have(uid: str) -> None:
    for query in queries(uid):
        made = parts(filled_in(query.expr))
        there = {label for selector in made.selectors for label in labels_of(selector)} | made_by_the_query(
            made
        )
        for aggregation in made.aggregations:
            assert set(aggregation.modifier.labels if aggregation.modifier else ()) <= there, query


@pytest.mark.parametrize("uid", BOARDS)
def test_each_legend_shows_labels_that_its_query_keeps(uid: str) -> None:
    for panel in boards()[uid]["panels"]:
        for target in panel.get("targets", ()):
            made = parts(filled_in(target["expr"]))
            there = {label for each in made.selectors for label in labels_of(each)} | made_by_the_query(made)
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= there, target


@pytest.mark.parametrize("uid", BOARDS)
def test_each_variable_takes_values_of_a_label_that_exists(uid: str) -> None:
    for query in variable_queries(uid):
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", query.expr)
        assert found, query
        (selector,) = parts(filled_in(found[1])).selectors
        assert selector.name in known(), query
        assert {found[2], *selector.labels} <= labels_of(selector), query


def test_each_metric_of_the_service_is_on_a_panel() -> None:
    shown = {
        known()[selector.name].name
        for uid in BOARDS
        for query in panel_queries(uid)
        for selector in parts(filled_in(query.expr)).selectors
    }
    assert {metric.name for metric in conventions.METRICS} - shown == set()


def test_each_foreign_metric_is_asked_for() -> None:
    asked = {
        selector.name
        for uid in BOARDS
        for query in queries(uid)
        for selector in parts(filled_in(query.expr)).selectors
    }
    # Also what only variables ask for.
    asked |= {
        parts(filled_in(query.expr[len("label_values(") : query.expr.rindex(",")])).selectors[0].name
        for query in variable_queries(BOARDS[0])
    }
    assert {metric.name for metric in FOREIGN} - asked == set()
