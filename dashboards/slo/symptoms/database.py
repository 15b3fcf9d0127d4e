"""Pitfalls of databases: connections that run out, and queries that multiply."""

from dashboards.slo.query import Query, share_above, value_of
from dashboards.slo.symptoms.symptom import Symptom
from observability import conventions


def database(ours: Query) -> tuple[Symptom, ...]:
    """PostgreSQL's pools, and the operations on PostgreSQL and Redis."""
    pool, system = (conventions.POOL,), (conventions.DB_SYSTEM,)
    operations = f"{conventions.DB_OPERATION_DURATION.name}_count"
    return (
        Symptom(
            name="DatabasePoolExhausted",
            expr=f"{ours.quantile(0.99, conventions.POOL_WAIT, '5m', by=pool)} > 0.1",
            hold="5m",
            board="dependencies",
            summary=f"1 % of callers wait {{{{ $value | humanizeDuration }}}} or more for pool {value_of(conventions.POOL)}",
            description="All connections are in use: requests queue for one before they do any work.",
        ),
        Symptom(
            name="DatabasePoolTimeouts",
            expr=f"{ours.increase(conventions.POOL_TIMEOUTS.name, '5m', by=pool)} >= 3",
            hold="1m",
            board="dependencies",
            summary=f"{{{{ $value | humanize }}}} callers gave up waiting for pool {value_of(conventions.POOL)} in 5 minutes",
            description="Each of them was answered with 503.",
        ),
        Symptom(
            name="DatabaseErrors",
            expr=share_above(
                ours.increase(operations, "5m", f'{conventions.ERROR_TYPE}!=""', by=system),
                ours.increase(operations, "5m", by=system),
                bound=0.05,
                minimum=10,
            ),
            hold="5m",
            board="dependencies",
            summary=f"{{{{ $value | humanizePercentage }}}} of the operations on {value_of(conventions.DB_SYSTEM)} fail",
            description="The server is away, refuses, or is too slow for the time given to it.",
        ),
        Symptom(
            name="TooManyQueriesPerRequest",
            expr=f"{ours.quantile(0.95, conventions.HTTP_DB_QUERIES, '15m', by=(conventions.ROUTE,))} > 8",
            hold="10m",
            board="dependencies",
            about=("job", "instance", conventions.ROUTE),
            summary=f"5 % of requests to {value_of(conventions.ROUTE)} make {{{{ $value | humanize }}}} queries or more",
            description="A query for each row of another one (N+1) looks like this, and grows with the data.",
        ),
    )
