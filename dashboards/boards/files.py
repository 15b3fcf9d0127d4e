"""The files that Grafana reads."""

from dashboards import links
from dashboards.boards import background, overview, requests, runtime, slo, telemetry
from dashboards.boards.board import Dashboard
from dashboards.boards.dependencies import board as dependencies
from dashboards.slo.objectives import Objectives, load


def boards(objectives: Objectives) -> tuple[Dashboard, ...]:
    return (
        overview.board(objectives),
        requests.board(objectives),
        dependencies.board(),
        background.board(objectives),
        runtime.board(),
        slo.board(objectives),
        telemetry.board(),
    )


def generate() -> dict[str, str]:
    """Text by path in `dashboards/generated`."""
    objectives = load()
    jobs = [objectives.api_job, objectives.worker_job]
    return {f"grafana/{links.uid(each.board)}.json": each.to_json(jobs) for each in boards(objectives)}
