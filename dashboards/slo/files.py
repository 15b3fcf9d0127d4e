"""The files that follow from the objectives, but for the boards."""

from dashboards.slo import burning, recordings
from dashboards.slo.objectives import Objectives, load
from dashboards.slo.rule import as_text
from dashboards.slo.symptoms.groups import groups as symptoms


def generate() -> dict[str, str]:
    """Text by path in `dashboards/generated`."""
    return rules(load())


def rules(objectives: Objectives) -> dict[str, str]:
    """What Prometheus evaluates."""
    return {
        "prometheus/slo.yml": as_text([*recordings.groups(objectives), *burning.groups(objectives)]),
        "prometheus/symptoms.yml": as_text(symptoms(objectives)),
    }


def service_module(objectives: Objectives) -> str:
    """What the service has to know of the objectives, which it may not read itself."""
    return f'''"""Written from dashboards/slo.yaml by `make dashboards`; change it there."""

# Seconds that the latency objectives name: each is a bucket of the durations of requests.
LATENCY_THRESHOLDS = {objectives.latency_thresholds}
'''
