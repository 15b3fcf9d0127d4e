"""All symptoms, a group for each part of the system."""

from dashboards.slo.objectives import Objectives
from dashboards.slo.query import Query
from dashboards.slo.recordings import INTERVAL
from dashboards.slo.rule import Group
from dashboards.slo.symptoms.background import background
from dashboards.slo.symptoms.cache import cache
from dashboards.slo.symptoms.database import database
from dashboards.slo.symptoms.runtime import runtime
from dashboards.slo.symptoms.targets import targets
from dashboards.slo.symptoms.telemetry import telemetry


def groups(objectives: Objectives) -> list[Group]:
    """The rules, in the order of the path of a request."""
    ours = Query((objectives.api_job, objectives.worker_job))
    parts = {
        "targets": targets(objectives, ours),
        "runtime": runtime(ours),
        "database": database(ours),
        "cache": cache(ours),
        "background": background(ours),
        "telemetry": telemetry(ours),
    }
    return [
        Group(
            f"{objectives.service}-{name}",
            f"{INTERVAL}s",
            tuple(symptom.alert(objectives.links) for symptom in symptoms),
        )
        for name, symptoms in parts.items()
    ]
