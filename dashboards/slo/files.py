"""The files that follow from the objectives, but for the boards."""

import json
from pathlib import Path

from dashboards.slo import burning, recordings, scenarios
from dashboards.slo.objectives import Objective, Objectives, load
from dashboards.slo.rule import Group, as_text
from dashboards.slo.symptoms.groups import groups as symptoms


def generate() -> dict[str, str]:
    """Text by path in `dashboards/generated`."""
    return rules(load()) | tests(load())


def rules(objectives: Objectives) -> dict[str, str]:
    """What Prometheus evaluates."""
    files = {_path(each): as_text(_groups(objectives, each)) for each in objectives.objectives}
    return {**files, "prometheus/symptoms.yml": as_text(symptoms(objectives))}


def tests(objectives: Objectives) -> dict[str, str]:
    """What `promtool test rules` tells the rules of each objective."""
    files = {}
    for each in objectives.objectives:
        about = scenarios.RulesFile(f"../{Path(_path(each)).name}", _groups(objectives, each))
        files[f"prometheus/tests/{each.name}-hours.yml"] = scenarios.hours(objectives, each, about)
        files[f"prometheus/tests/{each.name}-weeks.yml"] = scenarios.weeks(objectives, each, about)
    return files


def _path(objective: Objective) -> str:
    return f"prometheus/slo-{objective.name}.yml"


def _groups(objectives: Objectives, objective: Objective) -> list[Group]:
    return [*recordings.groups(objectives, objective), burning.group(objectives, objective)]


def service_module(objectives: Objectives) -> str:
    """What the service has to know of the objectives, which it may not read itself."""
    return f'''"""Written from dashboards/slo.yaml by `make dashboards`; change it there."""

# Seconds that the latency objectives name: each is a bucket of the durations of requests.
LATENCY_THRESHOLDS = {objectives.latency_thresholds}
# Those of the routes that have an objective of their own.
ROUTE_THRESHOLDS = {_written(objectives.route_thresholds)}
'''


def _written(thresholds: dict[str, float]) -> str:
    pairs = "".join(f"    {json.dumps(route)}: {seconds},\n" for route, seconds in thresholds.items())
    return f"{{\n{pairs}}}" if pairs else "{}"
