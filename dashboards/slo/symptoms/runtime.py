"""Pitfalls of a process: blocking code, and what runs out."""

from dashboards.slo.query import Query, share_above, value_of
from dashboards.slo.symptoms.symptom import Symptom
from observability import conventions


def runtime(ours: Query) -> tuple[Symptom, ...]:
    """Each of these makes every request of the process slower, whatever the request is."""
    culprit = (conventions.CULPRIT,)
    busy, threads = conventions.THREAD_POOL_BUSY.name, conventions.THREAD_POOL_WORKERS.name
    open_files, most_files = conventions.PROCESS_OPEN_FDS.name, conventions.PROCESS_MAX_FDS.name
    outcomes, limits = conventions.HTTP_OUTCOMES.name, conventions.HTTP_LIMITS.name
    route = (conventions.ROUTE,)
    return (
        Symptom(
            name="RequestsShed",
            expr=share_above(
                ours.increase(outcomes, "5m", f'{conventions.OUTCOME}="shed"'),
                ours.increase(outcomes, "5m"),
                bound=0.01,
                minimum=10,
            ),
            hold="2m",
            board="requests",
            summary="{{ $labels.instance }} refuses {{ $value | humanizePercentage }} of its requests",
            description="More is asked of the process than it can do in time: it serves what it can, and the rest gets 503 at once.",
        ),
        Symptom(
            name="DeadlinesMissed",
            expr=share_above(
                ours.increase(limits, "5m", f'{conventions.LIMIT}="{conventions.DEADLINE}"', by=route),
                ours.increase(outcomes, "5m", by=route),
                bound=0.01,
                minimum=5,
            ),
            hold="2m",
            board="requests",
            about=("job", "instance", conventions.ROUTE),
            summary=f"{{{{ $value | humanizePercentage }}}} of the requests to {value_of(conventions.ROUTE)} take too long and are cancelled",
            description="Clients waited all that time for a 503; whatever holds the requests up holds places and connections, too.",
        ),
        Symptom(
            name="EventLoopBlocked",
            expr=f"{ours.increase(conventions.LOOP_BLOCKED.name, '10m', by=culprit)} >= 5",
            hold="1m",
            board="runtime",
            summary=f"{value_of(conventions.CULPRIT)} blocked the event loop {{{{ $value | humanize }}}} times in 10 minutes",
            description="While code blocks the loop, every request of that process stands still.",
        ),
        Symptom(
            name="EventLoopLagging",
            expr=f"{ours.quantile(0.99, conventions.LOOP_LAG, '5m')} > 0.1",
            hold="5m",
            board="runtime",
            summary="The event loop of {{ $labels.instance }} wakes {{ $value | humanizeDuration }} late",
            description="The process has more to do than one core can: blocking code, heavy computation, or too much load.",
        ),
        Symptom(
            name="ThreadPoolExhausted",
            expr=f"{ours.series(busy)} / {ours.series(threads)} >= 0.95",
            hold="5m",
            board="runtime",
            summary="{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its threads",
            description="Endpoints without `async` and other calls that were moved off the loop queue for a thread.",
        ),
        Symptom(
            name="FileDescriptorsRunningOut",
            expr=f"{ours.series(open_files)} / {ours.series(most_files)} > 0.8",
            hold="10m",
            board="runtime",
            summary="{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its file descriptors",
            description="Once they are used up, no connection is accepted and none is opened.",
        ),
    )
