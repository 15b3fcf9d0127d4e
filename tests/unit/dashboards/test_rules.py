"""Rules, runbooks, boards and the conventions hold together."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import promql_parser as promql
import pytest
from ruamel.yaml import YAML

from dashboards.links import Board, uid
from dashboards.receiver import RUNBOOKS
from dashboards.slo.files import rules
from dashboards.slo.objectives import load
from observability import conventions

OBJECTIVES = load()
FILES = {path: YAML(typ="safe").load(text) for path, text in rules(OBJECTIVES).items()}
RULES: list[dict[str, Any]] = [
    rule for file in FILES.values() for group in file["groups"] for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
RECORDS = {rule["record"] for rule in RULES if "record" in rule}
SECTIONS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]

# What Prometheus itself exposes, or gives every series.
PROMETHEUS = ("up", "ALERTS", "scrape_duration_seconds", "prometheus_")
TARGET_LABELS = {"job", "instance"}
SLOTH_LABELS = {"sloth_id", "sloth_service", "sloth_slo", "sloth_window"}


def exposed() -> dict[str, set[str]]:
    """The labels of each series that the service exposes, by its name."""
    series: dict[str, set[str]] = {}
    for metric in conventions.METRICS:
        labels = {*metric.labels, *TARGET_LABELS}
        if metric.kind == "histogram":
            series[f"{metric.name}_bucket"] = {*labels, "le"}
            series |= {f"{metric.name}_{part}": labels for part in ("count", "sum")}
        else:
            series[metric.name] = labels
    return series


def selectors(query: str) -> Iterator[tuple[str, list[promql.Matcher]]]:
    """Each series that a query reads: its name, and what it is selected by."""
    pending: list[Any] = [promql.parse(query)]
    while pending:
        node = pending.pop()
        if isinstance(node, promql.MatrixSelector):
            node = node.vector_selector
        if isinstance(node, promql.VectorSelector):
            yield node.name or "", node.matchers.matchers
            continue
        for field in ("lhs", "rhs", "expr", "param", "args"):
            value = getattr(node, field, None)
            if value is not None:
                pending += value if isinstance(value, list) else [value]


def runbook_queries() -> Iterator[tuple[str, str]]:
    for path in sorted(RUNBOOKS.glob("*.md")):
        for block in re.findall(r"```promql\n(.*?)```", path.read_text(), re.DOTALL):
            yield from ((path.stem, line) for line in block.splitlines() if line)


def unknown(query: str) -> list[str]:
    """What a query reads that nobody exposes or records."""
    known, found = exposed(), []
    for name, matchers in selectors(query):
        labels = {each.name for each in matchers}
        if name in known:
            found += [f"{name}{{{label}}}" for label in labels - known[name]]
        elif name in RECORDS or name == "sloth_slo_info":
            found += [f"{name}{{{label}}}" for label in labels - SLOTH_LABELS]
        elif name and not name.startswith(PROMETHEUS):
            found.append(name)
    return found


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("rate(http_request_duration_seconds_count[5m])", "http_request_duration_seconds_count"),
        ('cache_requests_total{results="hit"}', "cache_requests_total{results}"),
        ("cache_fill_duration_seconds", "cache_fill_duration_seconds"),
        ("slo:sli_error:ratio_rate7m", "slo:sli_error:ratio_rate7m"),
    ],
    ids=["renamed metric", "misspelt label", "histogram without its part", "misspelt record"],
)
def test_what_nobody_exposes_is_found(query: str, problem: str) -> None:
    assert unknown(f"sum(1 - {query}) > 0") == [problem]


def test_every_rule_reads_what_is_exposed_or_recorded() -> None:
    assert [problem for rule in RULES for problem in unknown(rule["expr"])] == []
    assert len(RULES) > 100


def test_every_query_of_a_runbook_reads_what_is_exposed_or_recorded() -> None:
    queries = list(runbook_queries())
    assert [(page, problem) for page, query in queries for problem in unknown(query)] == []
    assert len({page for page, _ in queries}) == len({rule["alert"] for rule in ALERTS})


def test_thresholds_are_buckets() -> None:
    buckets = {
        metric.name: {repr(bucket) for bucket in metric.buckets}
        for metric in conventions.METRICS
        if metric.kind == "histogram"
    }
    buckets[conventions.HTTP_REQUEST_DURATION.name] |= {repr(each) for each in OBJECTIVES.latency_thresholds}
    asked = {
        (name.removesuffix("_bucket"), matcher.value)
        for rule in RULES
        for name, matchers in selectors(rule["expr"])
        for matcher in matchers
        if matcher.name == "le"
    }
    assert asked
    assert [pair for pair in asked if pair[1] not in buckets[pair[0]]] == []


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_says_what_what_of_it_why_and_what_to_do(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"# {path.stem}\n")
    assert [line for line in text.splitlines() if line.startswith("## ")] == SECTIONS
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert [link for link in links if not (RUNBOOKS / link).is_file()] == []


@pytest.mark.parametrize(
    "rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{'-'.join(rule['labels'].values())}"
)
def test_an_alert_says_how_bad_how_much_and_where_to_look(rule: dict[str, Any]) -> None:
    annotations = rule["annotations"]
    assert rule["labels"]["severity"] in {"page", "ticket", "none"}
    assert not [label for label in rule["labels"].values() if "{{" in label], (
        "a label with a value never settles"
    )
    assert annotations["runbook_url"] == f"{OBJECTIVES.links.runbooks}/{rule['alert']}.md"
    address = urlsplit(annotations["dashboard_url"])
    assert address.path.removeprefix("/d/") in {uid(board) for board in get_args(Board)}
    variables = {name for name in parse_qs(address.query) if name.startswith("var-")}
    assert variables or rule["alert"] in {"Watchdog", "RuleEvaluationFailing", "AlertsNotDelivered"}
    assert rule["alert"] == "Watchdog" or rule["keep_firing_for"] == "5m"


def test_the_variables_of_a_link_are_labels_that_the_alert_has() -> None:
    for rule in ALERTS:
        for label in re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())):
            assert (
                label in rule["expr"]
                or label in TARGET_LABELS
                or label == "rule_group"
                or label in conventions.LABELS
            )


def test_series_are_named_and_labelled_as_sloth_does() -> None:
    windows = ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
    sloth = {f"slo:sli_error:ratio_rate{window}" for window in windows} | {
        "slo:objective:ratio",
        "slo:error_budget:ratio",
        "slo:time_period:days",
        "slo:current_burn_rate:ratio",
        "slo:period_burn_rate:ratio",
        "slo:period_error_budget_remaining:ratio",
        "sloth_slo_info",
    }
    assert sloth <= RECORDS
    for rule in RULES:
        if "record" in rule:
            assert {"sloth_id", "sloth_service", "sloth_slo"} <= set(rule["labels"])
        if str(rule.get("record")).startswith("slo:sli_"):
            assert rule["record"].endswith(f"rate{rule['labels']['sloth_window']}")


def test_burn_rates_are_those_of_the_workbook() -> None:
    page, ticket = (
        rule["expr"]
        for rule in ALERTS
        if rule["alert"] == "ErrorBudgetBurn" and rule["labels"]["sloth_slo"] == "availability"
    )
    speeds = {
        name: re.findall(r"ratio_rate(\w+)\{[^}]+\} / 0\.001 > ([\d.]+)", expr)
        for name, expr in (("page", page), ("ticket", ticket))
    }
    assert speeds == {
        "page": [("5m", "14.4"), ("1h", "14.4"), ("30m", "6"), ("6h", "6")],
        "ticket": [("2h", "3"), ("1d", "3"), ("6h", "1"), ("3d", "1")],
    }
