"""Use, saturation and errors of what the service stands on: pools, PostgreSQL, Redis, the cache."""

from dashboards.boards import foreign as f
from dashboards.boards.board import Dashboard, Section
from dashboards.boards.overview import HIT_SHARE, POOL_SHARE, fullest_pool
from dashboards.boards.panels import GREEN, RED, YELLOW, Ask, Graph, Heatmap, Panel, Stat, Steps
from dashboards.boards.percentiles import percentiles
from dashboards.boards.promql import (
    RATE_WINDOW,
    buckets,
    count_rate,
    largest,
    or_none,
    percentile,
    rate,
    select_everywhere,
    share,
    total,
)
from observability import conventions as c

POSTGRES, REDIS = f'{c.DB_SYSTEM}="postgresql"', f'{c.DB_SYSTEM}="redis"'
FAILED = f'{c.ERROR_TYPE}!=""'
BY_POOL = f"{{{{{c.POOL}}}}}"
BY_OPERATION = f"{{{{{c.DB_OPERATION}}}}}"
BY_CACHE = f"{{{{{c.CACHE}}}}}"
SHARED = "the server is shared by all of them"
WINDOW = f"[{RATE_WINDOW}]"
WAIT = Steps({0.05: YELLOW, 0.5: RED})


def board() -> Dashboard:
    return Dashboard(
        board="dependencies",
        description="What the service waits for: use, saturation and errors (USE) of pools, PostgreSQL, Redis and the cache.",
        sections=(
            Section("Connection pools", pools()),
            Section("PostgreSQL as the service sees it", database()),
            Section("Cache", cache()),
            Section("Redis as the service sees it", redis()),
            Section("PostgreSQL about itself", postgres_exporter()),
            Section("Redis about itself", redis_exporter()),
        ),
    )


def pools() -> tuple[Panel, ...]:
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


def database() -> tuple[Panel, ...]:
    return (
        Graph(
            title="Statements",
            does="Statements a second, by their first word. More of them with the same requests is an N+1 or a cold cache.",
            unit="ops",
            asks=(Ask(count_rate(c.DB_OPERATION_DURATION, POSTGRES, by=(c.DB_OPERATION,)), BY_OPERATION),),
            is_stacked=True,
        ),
        Graph(
            title="Duration of statements",
            does="How long half, 95 % and 99 % of the statements took at most. Slow ones of a kept request are in its trace, with "
            "their text.",
            unit="s",
            asks=percentiles(c.DB_OPERATION_DURATION, POSTGRES),
            steps=Steps({0.1: YELLOW, 1: RED}),
        ),
        Graph(
            title="Failed statements",
            does="Statements a second that failed, by class of error. Timeouts: locks or missing indices; refused connections: the "
            "server is away.",
            unit="ops",
            asks=(Ask(rate_of_errors(POSTGRES), f"{{{{{c.ERROR_TYPE}}}}}"),),
            steps=Steps({0.1: RED}),
        ),
        Graph(
            title="Queries per request, p95",
            does="How many statements 95 % of the requests of a route made at most. A route that grows with its data has an N+1: "
            "load in one statement what it asks one by one.",
            unit="short",
            asks=(
                Ask(
                    percentile(95, c.HTTP_DB_QUERIES, f'{c.ROUTE}=~"$route"', by=(c.ROUTE,)),
                    f"{{{{{c.ROUTE}}}}}",
                ),
            ),
            steps=Steps({10: YELLOW, 21: RED}),
            see=("requests",),
            width=12,
        ),
        Heatmap(
            title="Queries per request",
            does="How many requests made how many statements. A second band far above the first is an N+1 of some requests only.",
            unit="short",
            asks=(Ask(buckets(c.HTTP_DB_QUERIES, f'{c.ROUTE}=~"$route"'), "{{le}}"),),
            see=("requests",),
            width=12,
        ),
    )


def cache() -> tuple[Panel, ...]:
    hits = rate(c.CACHE_REQUESTS, f'{c.RESULT}=~"hit|stale"', by=(c.CACHE,))
    looks = rate(c.CACHE_REQUESTS, f'{c.RESULT}!="bypass"', by=(c.CACHE,))
    return (
        Graph(
            title="Look-ups by result",
            does="Look-ups a second. stale: answered at once and computed behind it; error: the cache server failed and the request "
            "went on without it; bypass: not for the cache.",
            unit="ops",
            asks=(Ask(rate(c.CACHE_REQUESTS, by=(c.RESULT,)), f"{{{{{c.RESULT}}}}}"),),
            is_stacked=True,
        ),
        Graph(
            title="Hits",
            does="The share of look-ups answered from each cache. A collapse sends the load to PostgreSQL: compare with "
            "invalidations and with the breaker.",
            unit="percentunit",
            asks=(Ask(share(hits, looks, by=(c.CACHE,)), BY_CACHE),),
            steps=HIT_SHARE,
            top=1,
        ),
        Graph(
            title="Filling, p95",
            does="How long a miss took to compute. It is what every client would wait for without the cache.",
            unit="s",
            asks=(Ask(percentile(95, c.CACHE_FILL_DURATION, by=(c.CACHE,)), BY_CACHE),),
            steps=Steps({0.25: YELLOW, 1: RED}),
        ),
        Graph(
            title="Computations saved",
            does="Requests a second that waited for one computation under way instead of starting their own: stampedes that did not "
            "happen.",
            unit="ops",
            asks=(Ask(rate(c.CACHE_COALESCED, by=(c.CACHE,)), BY_CACHE),),
        ),
        Graph(
            title="Invalidations",
            does="Entries or groups outdated by writes, a second. A wave without writes to match outdates too much.",
            unit="ops",
            asks=(Ask(rate(c.CACHE_INVALIDATIONS, by=(c.CACHE,)), BY_CACHE),),
        ),
        Stat(
            title="Breaker",
            does="Open: a worker goes on without its cache because the server fails; answers are right and slower. Bring Redis back; "
            "it closes by itself.",
            unit="bool_on_off",
            asks=(Ask(largest(c.CACHE_BREAKER_OPEN, by=(c.CACHE,)), BY_CACHE),),
            steps=Steps({1: RED}),
            width=8,
            height=8,
        ),
    )


def redis() -> tuple[Panel, ...]:
    return (
        Graph(
            title="Commands",
            does="Redis commands a second, by name.",
            unit="ops",
            asks=(Ask(count_rate(c.DB_OPERATION_DURATION, REDIS, by=(c.DB_OPERATION,)), BY_OPERATION),),
            is_stacked=True,
        ),
        Graph(
            title="Duration of commands",
            does="How long half, 95 % and 99 % of the commands took at most. The service gives up after 0.1 s and goes on without.",
            unit="s",
            asks=percentiles(c.DB_OPERATION_DURATION, REDIS),
            steps=Steps({0.01: YELLOW, 0.1: RED}),
        ),
        Graph(
            title="Failed commands",
            does="Commands a second that failed, by class of error. Clients see slower answers, not errors; rate limits let "
            "everybody pass.",
            unit="ops",
            asks=(Ask(rate_of_errors(REDIS), f"{{{{{c.ERROR_TYPE}}}}}"),),
            steps=Steps({0.1: RED}),
        ),
    )


def rate_of_errors(system: str) -> str:
    """By class of error; a flat 0 while there is none."""
    failed = count_rate(c.DB_OPERATION_DURATION, system, FAILED, by=(c.ERROR_TYPE,))
    return or_none(failed, c.ERROR_TYPE, count_rate(c.DB_OPERATION_DURATION, system))


def postgres_exporter() -> tuple[Panel, ...]:
    hit, read = (
        f"sum (rate({select_everywhere(each)}{WINDOW}))" for each in (f.PG_BLOCKS_HIT, f.PG_BLOCKS_READ)
    )
    ends = {"commit": f.PG_COMMITS, "rollback": f.PG_ROLLBACKS, "deadlock": f.PG_DEADLOCKS}
    return (
        Stat(
            title="PostgreSQL",
            does="Whether its exporter reaches it. Down: clients read cached answers, and everything else is a 503.",
            unit="bool_yes_no",
            asks=(Ask(f"min ({select_everywhere(f.PG_UP)})", "up"),),
            steps=Steps({1: GREEN}, start=RED),
            everywhere=SHARED,
            height=8,
        ),
        Graph(
            title="Connections of the server",
            does="Connections of all clients, and how many the server takes. The pools of all replicas and workers together have to "
            "stay below it.",
            unit="short",
            asks=(
                Ask(f"sum by (datname) ({select_everywhere(f.PG_BACKENDS)})", "{{datname}}"),
                Ask(f"min ({select_everywhere(f.PG_MAX_CONNECTIONS)})", "max"),
            ),
            everywhere=SHARED,
            width=5,
        ),
        Graph(
            title="Ends of transactions",
            does="Transactions a second that were committed, rolled back, or fell to a deadlock. Rollbacks are refused writes.",
            unit="ops",
            asks=tuple(
                Ask(f"sum (rate({select_everywhere(metric)}{WINDOW}))", end) for end, metric in ends.items()
            ),
            everywhere=SHARED,
            width=5,
        ),
        Graph(
            title="Blocks found in memory",
            does="The share of blocks that PostgreSQL did not have to read. Falling: the data outgrew the memory, or a statement "
            "reads whole tables.",
            unit="percentunit",
            asks=(Ask(f"{hit} / ({hit} + {read} > 0)", "hits"),),
            steps=Steps({0.9: YELLOW, 0.99: GREEN}, start=RED),
            top=1,
            everywhere=SHARED,
            width=5,
        ),
        Graph(
            title="Size",
            does="What each database takes on disk. A steep rise: a queue that nobody empties, or a table that nobody trims.",
            unit="bytes",
            asks=(Ask(f"max by (datname) ({select_everywhere(f.PG_SIZE)})", "{{datname}}"),),
            everywhere=SHARED,
            see=("background",),
            width=5,
        ),
    )


def redis_exporter() -> tuple[Panel, ...]:
    return (
        Stat(
            title="Redis",
            does="Whether its exporter reaches it. Down: answers are right and slower; the breaker is open.",
            unit="bool_yes_no",
            asks=(Ask(f"min ({select_everywhere(f.REDIS_UP)})", "up"),),
            steps=Steps({1: GREEN}, start=RED),
            everywhere=SHARED,
            height=8,
        ),
        Graph(
            title="Memory",
            does="What Redis uses, and may use. At the maximum it evicts what was used least.",
            unit="bytes",
            asks=(
                Ask(f"max ({select_everywhere(f.REDIS_MEMORY)})", "used"),
                Ask(f"max ({select_everywhere(f.REDIS_MAX_MEMORY)})", "max"),
            ),
            everywhere=SHARED,
            width=5,
        ),
        Graph(
            title="Evictions",
            does="Entries a second that were thrown out for lack of memory. More than a few: hits fall; give Redis more memory.",
            unit="ops",
            asks=(Ask(f"sum (rate({select_everywhere(f.REDIS_EVICTED)}{WINDOW}))", "evicted"),),
            steps=Steps({1: YELLOW}),
            everywhere=SHARED,
            width=5,
        ),
        Graph(
            title="Clients",
            does="Connections to Redis. A steady rise is a client that never closes.",
            unit="short",
            asks=(Ask(f"max ({select_everywhere(f.REDIS_CLIENTS)})", "clients"),),
            everywhere=SHARED,
            width=5,
        ),
        Graph(
            title="Commands of all clients",
            does="Commands a second that Redis worked on.",
            unit="ops",
            asks=(Ask(f"sum (rate({select_everywhere(f.REDIS_COMMANDS)}{WINDOW}))", "commands"),),
            everywhere=SHARED,
            width=5,
        ),
    )
