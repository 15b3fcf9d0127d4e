"""Pitfalls of work behind the response: nobody waits for it, so nobody notices."""

from dashboards.slo.query import Query, share_above, value_of
from dashboards.slo.symptoms.symptom import Symptom
from observability import conventions

WAITING, GIVEN_UP = "due", "dead"


def background(ours: Query) -> tuple[Symptom, ...]:
    """Tasks after the response, and jobs on the queue."""
    by, runs = (conventions.TASK, conventions.RUNNER), f"{conventions.TASK_DURATION.name}_count"
    task = value_of(conventions.TASK)
    oldest = ours.series(conventions.QUEUE_OLDEST_AGE.name, f'{conventions.STATE}="{WAITING}"')
    given_up = ours.series(conventions.QUEUE_DEPTH.name, f'{conventions.STATE}="{GIVEN_UP}"')
    return (
        Symptom(
            name="BackgroundTasksFailing",
            expr=share_above(
                ours.increase(runs, "15m", f'{conventions.OUTCOME}="failed"', by=by),
                ours.increase(runs, "15m", by=by),
                bound=0.05,
                minimum=3,
            ),
            hold="5m",
            board="background",
            summary=f"{{{{ $value | humanizePercentage }}}} of the runs of {task} fail",
            description="The answer went out long ago: nobody but this alert tells that the rest does not happen.",
        ),
        Symptom(
            name="BackgroundQueueStuck",
            expr=f"{oldest} > 300",
            hold="5m",
            severity="page",
            board="background",
            summary=f"The oldest {task} has been waiting for {{{{ $value | humanizeDuration }}}}",
            description="Workers are gone, stuck, or too few. Jobs that never start burn no budget: this alert sees them.",
        ),
        Symptom(
            name="BackgroundJobsDead",
            expr=f"{given_up} > 0",
            hold="5m",
            board="background",
            summary=f"{{{{ $value }}}} jobs {task} were given up",
            description="They failed as often as they may, and are kept until somebody decides.",
        ),
    )
