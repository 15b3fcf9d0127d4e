"""Each symptom fires on what it is about and keeps still on what looks alike."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dashboards.generation import GENERATED, ROOT
from dashboards.slo.objectives import load
from dashboards.slo.symptoms.groups import groups
from tests.stack.conftest import Tool

SYMPTOMS = ROOT / GENERATED / "prometheus" / "symptoms.yml"
API, WORKER = 'job="glasshouse", instance="a:8000"', 'job="glasshouse-worker", instance="w:8001"'
STEADY, GROWING, SLOWLY = "1+0x90", "0+600x90", "0+1x90"
LATE = "90m"

Series = Mapping[str, str]


def histogram(name: str, labels: str, *, below: str, above: str, all_of: str) -> Series:
    """Observations that all lie between two buckets."""
    return {
        f'{name}_bucket{{{labels}, le="{below}"}}': "0+0x90",
        f'{name}_bucket{{{labels}, le="{above}"}}': all_of,
        f'{name}_bucket{{{labels}, le="+Inf"}}': all_of,
    }


def up(api: int, worker: int) -> Series:
    return {f"up{{{API}}}": f"{api}+0x90", f"up{{{WORKER}}}": f"{worker}+0x90"}


WAIT = "db_client_connection_wait_time_seconds"
POOL = f'{API}, db_client_connection_pool_name="read"'
TIMEOUTS = f"db_client_connection_timeouts_total{{{POOL}}}"
QUERIES = "http_server_request_db_queries"
ROUTE = f'{API}, http_route="/products"'
ENDED = f"http_server_request_outcomes_total{{{API}, outcome="
MISSED = f"http_server_limits_exceeded_total{{{ROUTE}, limit="
OF_ROUTE = f'http_server_request_outcomes_total{{{ROUTE}, outcome="completed"}}'
LAG = "asyncio_event_loop_lag_seconds"
BLOCKED = f'asyncio_event_loop_blocked_total{{{API}, culprit="shop:price"}}'
OPERATIONS = f"db_client_operation_duration_seconds_count{{{API}, "
REDIS_ERRORS = f'{OPERATIONS}db_system_name="redis", db_operation_name="GET", error_type="TimeoutError"}}'
REDIS_GOOD = f'{OPERATIONS}db_system_name="redis", db_operation_name="GET", error_type=""}}'
HITS, MISSES = (
    f'cache_requests_total{{{API}, cache="responses", result="{result}"}}' for result in ("hit", "miss")
)
BREAKER = f'cache_breaker_open{{{API}, cache="responses"}}'
RUNS = f'background_task_duration_seconds_count{{{API}, task="mail:welcome", runner="in_process", outcome='
OLDEST = f'background_queue_oldest_age_seconds{{{WORKER}, task="mail"'
DEPTH = f'background_queue_depth{{{WORKER}, task="mail"'
DROPPED = f'telemetry_series_dropped_total{{{API}, metric="http_server_request_duration_seconds"}}'
SPANS = f"telemetry_spans_total{{{API}, outcome="
RENDERING = "telemetry_scrape_duration_seconds"
FAILURES = 'prometheus_rule_evaluation_failures_total{rule_group="slo"}'

# Alert: what it must fire on, what it must not.
CASES: dict[str, tuple[Series, Series]] = {
    "Watchdog": ({}, {}),
    "ServiceDown": (up(0, 1), up(1, 0)),
    "WorkerDown": (up(1, 0), up(0, 1)),
    "TargetDown": (up(0, 1), up(1, 1)),
    "FileDescriptorsRunningOut": (
        {f"process_open_fds{{{API}}}": "900+0x90", f"process_max_fds{{{API}}}": "1000+0x90"},
        {f"process_open_fds{{{API}}}": "700+0x90", f"process_max_fds{{{API}}}": "1000+0x90"},
    ),
    "DatabasePoolExhausted": (
        histogram(WAIT, POOL, below="0.1", above="0.25", all_of=GROWING),
        histogram(WAIT, POOL, below="0.01", above="0.05", all_of=GROWING),
    ),
    "DatabasePoolTimeouts": ({TIMEOUTS: SLOWLY}, {TIMEOUTS: "0+0x40 1+0x50"}),
    "DatabaseErrors": (
        {REDIS_ERRORS: "0+60x90", REDIS_GOOD: GROWING},
        {REDIS_ERRORS: SLOWLY, REDIS_GOOD: "0+2x90"},
    ),
    "TooManyQueriesPerRequest": (
        histogram(QUERIES, ROUTE, below="8.0", above="13.0", all_of=GROWING),
        histogram(QUERIES, ROUTE, below="3.0", above="5.0", all_of=GROWING),
    ),
    "RequestsShed": (
        {f'{ENDED}"shed"}}': "0+60x90", f'{ENDED}"completed"}}': GROWING},
        {f'{ENDED}"shed"}}': SLOWLY, f'{ENDED}"completed"}}': "0+10x90"},
    ),
    "DeadlinesMissed": (
        {f'{MISSED}"deadline"}}': "0+30x90", OF_ROUTE: GROWING},
        {f'{MISSED}"body_time"}}': "0+60x90", f'{MISSED}"deadline"}}': "0+0x40 1+0x50", OF_ROUTE: GROWING},
    ),
    "EventLoopBlocked": ({BLOCKED: SLOWLY}, {BLOCKED: "0+0x40 1+0x50"}),
    "EventLoopLagging": (
        histogram(LAG, API, below="0.1", above="0.25", all_of=GROWING),
        histogram(LAG, API, below="0.01", above="0.025", all_of=GROWING),
    ),
    "ThreadPoolExhausted": (
        {f"thread_pool_busy{{{API}}}": "40+0x90", f"thread_pool_workers{{{API}}}": "40+0x90"},
        {f"thread_pool_busy{{{API}}}": "30+0x90", f"thread_pool_workers{{{API}}}": "40+0x90"},
    ),
    "CacheHitRatioCollapsed": (
        {HITS: "0+600x60 36000+0x30", MISSES: "0+0x60 600+600x30"},
        {HITS: "0+60x90", MISSES: "0+540x90"},
    ),
    "CacheBreakerOpen": ({BREAKER: STEADY}, {BREAKER: "0+0x90"}),
    "BackgroundTasksFailing": (
        {f'{RUNS}"failed"}}': SLOWLY, f'{RUNS}"succeeded"}}': "0+9x90"},
        {f'{RUNS}"failed"}}': "0+0x80 1+0x10", f'{RUNS}"succeeded"}}': "0+1x90"},
    ),
    "BackgroundQueueStuck": (
        {f'{OLDEST}, state="due"}}': "0+60x90"},
        {f'{OLDEST}, state="dead"}}': "0+60x90", f'{OLDEST}, state="due"}} ': "20+0x90"},
    ),
    "BackgroundJobsDead": ({f'{DEPTH}, state="dead"}}': STEADY}, {f'{DEPTH}, state="due"}}': "500+0x90"}),
    "SeriesDropped": ({DROPPED: "_x80 1+0x10"}, {DROPPED: STEADY}),
    "SpansDropped": ({f'{SPANS}"failed"}}': SLOWLY}, {f'{SPANS}"exported"}}': GROWING}),
    "MetricsScrapeSlow": (
        histogram(RENDERING, API, below="1.0", above="2.5", all_of=SLOWLY),
        histogram(RENDERING, API, below="0.05", above="0.075", all_of=SLOWLY),
    ),
    "RuleEvaluationFailing": ({FAILURES: SLOWLY}, {FAILURES: "7+0x90"}),
    "AlertsNotDelivered": (
        {"prometheus_notifications_dropped_total": SLOWLY},
        {"prometheus_notifications_dropped_total": "7+0x90"},
    ),
}


def story(alert: str, series: Series, *, fires: bool) -> dict[str, Any]:
    samples = [{"labels": "{}", "value": 1}] if fires else []
    return {
        "interval": "1m",
        "input_series": [{"series": name.strip(), "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})',
                "eval_time": LATE,
                "exp_samples": samples,
            }
        ],
    }


def told(promtool: Tool, folder: Path, stories: list[dict[str, Any]]) -> str:
    path = folder / "stories.yml"
    YAML().dump({"rule_files": [str(SYMPTOMS)], "evaluation_interval": "5m", "tests": stories}, path)
    done = promtool("test", "rules", path)
    return "" if done.returncode == 0 else done.stdout


def test_there_is_a_case_for_each_symptom() -> None:
    assert {rule.name for group in groups(load()) for rule in group.rules} == set(CASES)  # type: ignore[union-attr]


@pytest.mark.parametrize("part", groups(load()), ids=lambda group: group.name)
def test_symptoms_fire_on_what_they_are_about_and_on_nothing_else(
    promtool: Tool, tmp_path: Path, part: Any
) -> None:
    stories = []
    for name in (rule.name for rule in part.rules):
        yes, no = CASES[name]
        stories.append(story(name, yes, fires=True))
        if name != "Watchdog":
            stories.append(story(name, no, fires=False))
    assert told(promtool, tmp_path, stories) == ""


def test_links_lead_to_the_board_with_what_the_alert_is_about(promtool: Tool, tmp_path: Path) -> None:
    route = f'{API}, http_route="/items/{{item_id}}"'
    about = {
        "interval": "1m",
        "input_series": [
            {"series": name, "values": values}
            for name, values in histogram(QUERIES, route, below="8.0", above="13.0", all_of=GROWING).items()
        ],
        "alert_rule_test": [
            {
                "eval_time": LATE,
                "alertname": "TooManyQueriesPerRequest",
                "exp_alerts": [
                    {
                        "exp_labels": {
                            "severity": "ticket",
                            "job": "glasshouse",
                            "instance": "a:8000",
                            "http_route": "/items/{item_id}",
                        },
                        "exp_annotations": {
                            "summary": "5 % of requests to /items/{item_id} make 12.75 queries or more",
                            "description": "A query for each row of another one (N+1) looks like this, and grows with the data.",
                            "dashboard_url": "http://localhost:3000/d/glasshouse-dependencies?from=now-6h&to=now"
                            "&var-job=glasshouse&var-instance=a%3A8000&var-route=%2Fitems%2F%7Bitem_id%7D",
                            "runbook_url": "http://localhost:9095/runbooks/TooManyQueriesPerRequest.md",
                        },
                    }
                ],
            }
        ],
    }
    assert told(promtool, tmp_path, [about]) == ""
