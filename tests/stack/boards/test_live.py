"""Every query of every board, asked of a real Prometheus after real traffic."""

import re
from collections.abc import Sequence

import pytest

from dashboards.boards.foreign import EXPORTERS
from tests.boards import (
    AS_OPENED,
    Query,
    annotation_queries,
    boards,
    filled_in,
    panel_queries,
    variable_queries,
)
from tests.instances import eventually
from tests.stack.boards.life import Lived
from tests.stack.boards.prometheus import Series, numbers

BOARDS = sorted(boards())
STEP_SECONDS = 2
SPANS = {"__rate_interval": "10s", "__range": "2m"}
# What is empty after this traffic, and why that is right.
EMPTY = {
    "Time to the first byte of streams": "the service streams nothing",
    "WebSockets open": "the service has no WebSockets",
    "WebSockets closed, by code": "the service has no WebSockets",
    "Who blocked the event loop": "on a fast machine nobody does",
    "Firing alerts": "nothing may be wrong",
    "Alerts": "nothing may be wrong",
}
# Shares of a budget, which can be overspent.
BEYOND_ONE = ("Budget left", "Budget burn-down", "Spent by the period", "Rule evaluation")


def of_an_exporter(query: Query) -> bool:
    """PostgreSQL's and Redis's exporters are part of the compose stack alone."""
    return any(re.search(rf"\b{metric.name}\b", query.expr) for metric in EXPORTERS)


def asked(lived: Lived, query: Query) -> Sequence[Series]:
    expr = filled_in(query.expr, AS_OPENED, SPANS)
    return (
        lived.prometheus.instant(expr)
        if query.is_instant
        else lived.prometheus.range(expr, step=STEP_SECONDS)
    )


@pytest.mark.parametrize("uid", BOARDS)
def test_each_panel_has_data(lived: Lived, uid: str) -> None:
    nothing = [
        str(query)
        for query in panel_queries(uid)
        if not any(map(numbers, asked(lived, query))) and query.of not in EMPTY and not of_an_exporter(query)
    ]
    assert nothing == []


@pytest.mark.parametrize("uid", BOARDS)
def test_each_share_lies_between_nothing_and_everything(lived: Lived, uid: str) -> None:
    for query in panel_queries(uid):
        if query.unit == "percentunit" and query.of not in BEYOND_ONE:
            values = [number for series in asked(lived, query) for number in numbers(series)]
            assert all(-1e-9 <= value <= 1 + 1e-9 for value in values), query


@pytest.mark.parametrize("uid", BOARDS)
def test_each_number_is_one_that_can_be(lived: Lived, uid: str) -> None:
    """No negative rates, durations or counts; only a budget can be below nothing."""
    for query in panel_queries(uid):
        if query.of not in BEYOND_ONE:
            assert all(number >= 0 for series in asked(lived, query) for number in numbers(series)), query


@pytest.mark.parametrize("uid", BOARDS)
def test_each_variable_has_values(lived: Lived, uid: str) -> None:
    for query in variable_queries(uid):
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", query.expr)
        assert found
        assert lived.prometheus.label_values(filled_in(found[1]), found[2]), query


@pytest.mark.parametrize("uid", BOARDS)
def test_each_annotation_can_be_asked_for(lived: Lived, uid: str) -> None:
    for query in annotation_queries(uid):
        assert any(map(numbers, asked(lived, query))) or query.of in EMPTY, query


def test_each_rule_is_evaluated_without_an_error(lived: Lived) -> None:
    rules = lived.prometheus.rules()
    assert rules
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


def test_the_spells_of_the_traffic_are_seen(lived: Lived) -> None:
    """A slow spell breaks the latency objective, and a spell of errors is answered with 503."""
    slow = 'sum(max_over_time(slo:sli_bad:rate5m{sloth_slo="latency"}[5m]))'
    errors = 'sum(http_server_request_duration_seconds_count{http_response_status_code="503"})'
    for expr in (slow, errors):
        answer = lived.prometheus.instant(expr)
        assert answer, expr
        assert numbers(answer[0])[0] > 0, expr


def test_each_exemplar_leads_to_a_trace_that_was_exported(lived: Lived) -> None:
    exemplars = lived.prometheus.exemplars("http_server_request_duration_seconds_bucket")
    assert exemplars
    shown = {exemplar["labels"]["trace_id"] for exemplar in exemplars}
    eventually("the export of the last spans", lambda: shown <= lived.collector.trace_ids)


def test_what_was_executed(lived: Lived, capsys: pytest.CaptureFixture[str]) -> None:
    executed = {
        "panel queries": sum(1 for uid in BOARDS for _ in panel_queries(uid)),
        "variables": sum(1 for uid in BOARDS for _ in variable_queries(uid)),
        "annotations": sum(1 for uid in BOARDS for _ in annotation_queries(uid)),
        "rules": len(lived.prometheus.rules()),
    }
    without_exporters = sum(1 for uid in BOARDS for query in panel_queries(uid) if of_an_exporter(query))
    with capsys.disabled():
        print(  # noqa: T201
            "\nExecuted on a real Prometheus:",
            ", ".join(f"{number} {what}" for what, number in executed.items()),
            f"({without_exporters} panel queries are the exporters' and stay empty here)",
        )
    assert all(executed.values())
