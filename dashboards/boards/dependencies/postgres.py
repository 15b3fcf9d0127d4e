"""PostgreSQL, as the service sees it and as its exporter does."""

from dashboards.boards import foreign as f
from dashboards.boards.dependencies.servers import BY_OPERATION, SHARED, WINDOW, rate_of_errors
from dashboards.boards.panels import GREEN, RED, YELLOW, Ask, Graph, Heatmap, Panel, Stat, Steps
from dashboards.boards.percentiles import percentiles
from dashboards.boards.promql import buckets, count_rate, percentile, select_everywhere
from observability import conventions as c

POSTGRES = f'{c.DB_SYSTEM}="postgresql"'


def as_seen_by_the_service() -> tuple[Panel, ...]:
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


def about_itself() -> tuple[Panel, ...]:
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
