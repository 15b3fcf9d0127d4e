"""Whether there is anybody to ask."""

from dashboards.slo.objectives import Objectives
from dashboards.slo.query import Query
from dashboards.slo.symptoms.symptom import Symptom


def targets(objectives: Objectives, ours: Query) -> tuple[Symptom, ...]:
    """Found by DNS, a process that is gone is not even a target that is down: hence `absent`."""
    return (
        Symptom(
            name="Watchdog",
            expr="vector(1)",
            hold="",
            severity="none",
            board="telemetry",
            about=(),
            summary="Alerts get through",
            description="This alert always fires. Whoever expects it and does not get it knows that alerting is broken.",
        ),
        Symptom(
            name="ServiceDown",
            expr=f'absent(up{{job="{objectives.api_job}"}} == 1)',
            hold="1m",
            severity="page",
            board="overview",
            about=("job",),
            summary="No process that answers requests can be reached",
            description="Prometheus reaches none of the API's processes: most likely clients do not, either.",
        ),
        Symptom(
            name="WorkerDown",
            expr=f'absent(up{{job="{objectives.worker_job}"}} == 1)',
            hold="5m",
            board="background",
            about=("job",),
            summary="No worker can be reached",
            description="Jobs are kept but not done: e-mails, thumbnails and webhooks wait.",
        ),
        Symptom(
            name="TargetDown",
            expr=f"{ours.series('up')} == 0",
            hold="2m",
            board="telemetry",
            summary="{{ $labels.instance }} of {{ $labels.job }} cannot be scraped",
            description="The process is gone or overloaded, or its metrics cannot be reached.",
        ),
    )
