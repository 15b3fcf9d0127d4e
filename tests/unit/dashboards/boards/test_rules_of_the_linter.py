"""The rules of Grafana's dashboard-linter, and some of our own.

https://github.com/grafana/dashboard-linter/blob/main/docs/index.md lists its 17; the names of the tests say which they hold.
A panel that breaks a rule says why in its description.
"""

import re
from datetime import timedelta
from typing import Any

import promql_parser as promql
import pytest

from tests.boards import Board, Panel, Query, boards, filled_in, panel_queries, panels
from tests.unit.dashboards.boards.queries import known, parts

BOARDS = sorted(boards())
RATES = ("rate", "irate", "increase")
# No other range in our queries is as long as these two.
RATE_INTERVAL, RANGE = timedelta(seconds=61), timedelta(seconds=3601)
SPANS = {"__rate_interval": "61s", "__range": "3601s"}
# Those of https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts that we use
UNITS = {"bool_on_off", "bool_yes_no", "bytes", "dtdurations", "ops", "percentunit", "reqps", "s", "short"}
NOT_NARROWED = "Not narrowed to the chosen jobs and instances: "
TEMPLATED = "${datasource}"


@pytest.fixture(params=BOARDS)
def uid(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def board(uid: str) -> Board:
    return boards()[uid]


def variable(board: Board, name: str) -> dict[str, Any]:
    (found,) = [each for each in board["templating"]["list"] if each["name"] == name]
    return dict(found)


def as_asked(query: Query) -> str:
    """With the variables in it, and spans that can be recognised."""
    return filled_in(query.expr, {}, SPANS)


def test_template_datasource_rule(board: Board) -> None:
    datasource = variable(board, "datasource")
    assert (datasource["type"], datasource["query"], datasource["label"]) == (
        "datasource",
        "prometheus",
        "Data source",
    )


@pytest.mark.parametrize("name", ["job", "instance"])
def test_template_job_and_instance_rules(board: Board, name: str) -> None:
    template = variable(board, name)
    assert template["type"] == "query"
    assert template["datasource"]["uid"] == TEMPLATED
    assert template["label"] == name.capitalize()
    assert template["multi"]
    assert template["allValue"] == ".+"


def test_a_board_opens_with_the_jobs_of_the_service_and_without_prometheus_itself(board: Board) -> None:
    assert variable(board, "job")["current"]["value"] == ["glasshouse", "glasshouse-worker"]


def test_template_label_promql_rule(board: Board) -> None:
    for template in board["templating"]["list"]:
        if template["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), \w+\)", template["query"])
            assert found
            promql.parse(filled_in(found[1]))


def test_template_on_time_change_reload_rule(board: Board) -> None:
    assert {each["refresh"] for each in board["templating"]["list"] if each["type"] == "query"} == {2}


def test_panel_datasource_rule(board: Board) -> None:
    for panel in panels(board):
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == {"type": "prometheus", "uid": TEMPLATED}, panel["title"]


def test_panel_title_description_rule(board: Board) -> None:
    for panel in panels(board):
        assert panel["title"]
        assert len(panel["description"]) > 20, panel["title"]  # more than the title again


def test_panel_units_rule(board: Board) -> None:
    for panel in panels(board):
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]


def test_panel_no_targets_rule(board: Board) -> None:
    for panel in panels(board):
        assert panel["targets"], panel["title"]


def test_target_logql_rules_have_nothing_to_hold_because_all_targets_are_prometheus(board: Board) -> None:
    kinds = {target["datasource"]["type"] for panel in panels(board) for target in panel["targets"]}
    assert kinds == {"prometheus"}


def test_target_promql_rule(uid: str) -> None:
    for query in panel_queries(uid):
        promql.parse(as_asked(query))


def test_target_rate_interval_rule(uid: str) -> None:
    """Rates span `$__rate_interval`; increases what the board shows."""
    for query in panel_queries(uid):
        for function, selected in parts(as_asked(query)).ranges:
            assert selected.range == (RANGE if function == "increase" else RATE_INTERVAL), query


def narrowed(expr: str) -> bool:
    return all(
        selector.matchers.get(name) == ("MatchOp.Re", f"${name}")
        for selector in parts(expr).selectors
        for name in ("job", "instance")
    )


def test_target_job_and_instance_rules_or_the_panel_says_why(board: Board) -> None:
    for panel in panels(board):
        exprs = [filled_in(target["expr"], {}, SPANS) for target in panel["targets"]]
        is_narrowed = all(map(narrowed, exprs))
        assert is_narrowed == (NOT_NARROWED not in panel["description"]), panel["title"]


def test_target_counter_agg_rule(uid: str) -> None:
    for query in panel_queries(uid):
        found = parts(as_asked(query))
        rated = [
            selected.vector_selector.name or "" for function, selected in found.ranges if function in RATES
        ]
        counters = [each.name for each in found.selectors if known()[each.name].kind != "gauge"]
        assert sorted(counters) == sorted(rated), query


def test_uneditable_dashboard(board: Board) -> None:
    assert board["editable"] is False


def test_nothing_averages_what_cannot_be_averaged(uid: str) -> None:
    """No mean of means or of percentiles, and no mean over the life of a process."""
    for query in panel_queries(uid):
        found = parts(as_asked(query))
        assert "avg" not in {str(aggregation.op) for aggregation in found.aggregations}, query
        for call in found.calls:
            assert not call.func.name.startswith(("avg_over", "quantile_over")), query
            if call.func.name == "histogram_quantile":
                summed = call.args[1]
                assert isinstance(summed, promql.AggregateExpr), query
                assert summed.modifier, query
                assert "le" in summed.modifier.labels, query


def test_a_share_of_nothing_is_absent_and_never_nan(uid: str) -> None:
    for query in panel_queries(uid):
        for binary in parts(as_asked(query)).binaries:
            if str(binary.op) == "/" and query.unit == "percentunit":
                assert str(binary.rhs).rstrip(" )").endswith("> 0"), query


def test_ids_of_panels_are_different_and_none_is_zero(board: Board) -> None:
    rows = [panel for panel in board["panels"] if panel["type"] == "row"]
    ids = [panel["id"] for panel in (*panels(board), *rows)]
    assert len(set(ids)) == len(ids)
    assert 0 not in ids


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def test_panels_fill_their_rows_and_none_covers_another(board: Board) -> None:
    places = [panel["gridPos"] for panel in board["panels"]]
    for number, place in enumerate(places):
        assert place["x"] + place["w"] <= 24
        assert not any(overlap(place, other) for other in places[:number])
    lines = {place["y"] for place in places}
    assert {y: sum(place["w"] for place in places if place["y"] == y) for y in lines} == dict.fromkeys(
        lines, 24
    )


def legend(panel: Panel) -> dict[str, Any]:
    return dict(panel["options"].get("legend", {}))


def test_each_graph_has_a_legend_with_numbers(board: Board) -> None:
    for panel in panels(board):
        if panel["type"] == "timeseries":
            assert legend(panel)["showLegend"], panel["title"]
            assert legend(panel)["calcs"], panel["title"]
            assert panel["options"]["tooltip"]["mode"] == "multi", panel["title"]


def test_each_stat_says_which_value_it_shows(board: Board) -> None:
    for panel in panels(board):
        if panel["type"] == "stat":
            assert panel["options"]["reduceOptions"]["calcs"] == ["lastNotNull"], panel["title"]


def test_each_link_leads_to_a_board_of_ours_and_keeps_time_and_variables(board: Board) -> None:
    for panel in panels(board):
        for link in panel.get("links", ()):
            address, _, kept = link["url"].partition("?")
            assert address.removeprefix("/d/") in BOARDS, panel["title"]
            assert kept == "${__url_time_range}&${__all_variables}", panel["title"]
            assert link["placement"] == ""


def test_each_board_leads_to_all_others(board: Board) -> None:
    (to_others,) = board["links"]
    assert to_others["type"] == "dashboards"
    assert to_others["tags"] == board["tags"] == ["glasshouse"]
    assert to_others["keepTime"]
    assert to_others["includeVars"]


def test_queries_have_letters_of_their_own(board: Board) -> None:
    for panel in panels(board):
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)


def test_the_line_of_the_overview_is_the_latency_objective() -> None:
    (latency,) = [panel for panel in panels(boards()["glasshouse-overview"]) if panel["title"] == "Latency"]
    assert latency["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] == 0.25
    assert any(target["exemplar"] for target in latency["targets"])
