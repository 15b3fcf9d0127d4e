"""Connection pools: who holds connections, who waits for one, how long."""

from dashboards.boards.overview import POOL_SHARE, fullest_pool
from dashboards.boards.panels import RED, YELLOW, Ask, Graph, Panel, Steps
from dashboards.boards.promql import percentile, rate, total
from observability import conventions as c

BY_POOL = f"{{{{{c.POOL}}}}}"
WAIT = Steps({0.05: YELLOW, 0.5: RED})


def panels() -> tuple[Panel, ...]:
    used = total(c.POOL_COUNT, by=(c.POOL, c.POOL_STATE))
    return (
        Graph(
            title="Connections",
            does="Connections of each pool that are used and idle, and how many it may open. Used at the maximum is exhaustion: see "
            "the wait and who holds them.",
            unit="short",
            asks=(
                Ask(used, f"{BY_POOL} {{{{{c.POOL_STATE}}}}}"),
                Ask(total(c.POOL_MAX, by=(c.POOL,)), f"{BY_POOL} max"),
            ),
        ),
        Graph(
            title="Share used",
            does="The share of its connections that each pool has handed out, in the process where it is fullest. Above 90 % a little more load makes requests wait.",
            unit="percentunit",
            asks=(Ask(fullest_pool(), BY_POOL),),
            steps=POOL_SHARE,
            top=1,
        ),
        Graph(
            title="Waiting for a connection",
            does="Requests in the queue of each pool. More than a moment above 0 means that the pool is the bottleneck.",
            unit="short",
            asks=(Ask(total(c.POOL_PENDING, by=(c.POOL,)), BY_POOL),),
            steps=Steps({1: YELLOW, 10: RED}),
        ),
        Graph(
            title="Wait, p99",
            does="How long 99 % waited at most for a connection, without the time to open one. This time is in every request: find "
            "long holds first, enlarge the pool last.",
            unit="s",
            asks=(Ask(percentile(99, c.POOL_WAIT, by=(c.POOL,)), BY_POOL),),
            steps=WAIT,
            see=("requests",),
            width=6,
        ),
        Graph(
            title="Waits given up",
            does="Requests a second that got no connection in time and were answered with 503. Each burns the budget.",
            unit="ops",
            asks=(Ask(rate(c.POOL_TIMEOUTS, by=(c.POOL,)), BY_POOL),),
            steps=Steps({0.01: RED}),
            see=("slo",),
            width=6,
        ),
        Graph(
            title="Hold, p99",
            does="How long 99 % kept a connection at most. Long holds are slow statements, locks, or work done with a connection in "
            "hand that could be done without.",
            unit="s",
            asks=(Ask(percentile(99, c.POOL_USE, by=(c.POOL,)), BY_POOL),),
            steps=WAIT,
            width=6,
        ),
        Graph(
            title="Opening a connection, p95",
            does="How long a new connection took. Slow or frequent: PostgreSQL is overloaded, far away, or closes connections that "
            "the pool believes in.",
            unit="s",
            asks=(Ask(percentile(95, c.POOL_CREATE, by=(c.POOL,)), BY_POOL),),
            width=6,
        ),
    )
