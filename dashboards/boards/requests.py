"""Rate, errors and duration of the chosen routes."""

from dashboards.boards.board import Dashboard, Section
from dashboards.boards.panels import (
    GREEN,
    ORANGE,
    RED,
    YELLOW,
    Ask,
    Column,
    Graph,
    Heatmap,
    Panel,
    Steps,
    Table,
)
from dashboards.boards.percentiles import percentiles
from dashboards.boards.promql import (
    buckets,
    count_rate,
    largest,
    percentile,
    rate,
    share,
    share_within,
    status_class,
    total,
)
from dashboards.links import uid
from dashboards.slo.objectives import Objectives
from observability import conventions as c

ON_ROUTE = f'{c.ROUTE}=~"$route"'
CHOSEN = (ON_ROUTE, f'{c.METHOD}=~"$method"')
OURS, THEIRS = f'{c.STATUS}=~"5.."', f'{c.STATUS}=~"4.."'
ROUTE = f"{{{{{c.ROUTE}}}}}"
ERROR_SHARE = Steps({0.001: YELLOW, 0.01: RED})
# The value of a cell is the route that the same board then keeps to.
ONLY_THIS_ROUTE = f"/d/{uid('requests')}?${{__url_time_range}}&${{job:queryparam}}&${{instance:queryparam}}&var-route=${{__value.text}}"


def board(objectives: Objectives) -> Dashboard:
    return Dashboard(
        board="requests",
        description="Which route, and since when: rate, errors and duration (RED) of the chosen routes and methods.",
        sections=(
            Section("Rate", rates()),
            Section("Errors", errors()),
            Section("Refused and given up", refusals()),
            Section("Duration", durations(objectives)),
            Section("Routes: click on one to see it alone", (routes(objectives),)),
            Section("Streams and WebSockets", streams(), is_folded=True),
        ),
    )


def rates() -> tuple[Panel, ...]:
    return (
        Graph(
            title="Rate by route",
            does="Requests answered a second. A route that stops alone lost its caller; one that doubles alone has a client that "
            "retries or polls.",
            unit="reqps",
            asks=(Ask(count_rate(c.HTTP_REQUEST_DURATION, *CHOSEN, by=(c.ROUTE,)), ROUTE),),
            see=("overview",),
            width=12,
        ),
        Graph(
            title="Rate by class of status",
            does="Requests answered a second: 2xx good, 3xx not modified or elsewhere, 4xx the client's mistake, 5xx ours.",
            unit="reqps",
            asks=(
                Ask(
                    status_class(count_rate(c.HTTP_REQUEST_DURATION, *CHOSEN, by=(c.STATUS,)), c.STATUS),
                    "{{class}}",
                ),
            ),
            is_stacked=True,
            see=("overview",),
            width=12,
        ),
    )


def errors() -> tuple[Panel, ...]:
    everything = count_rate(c.HTTP_REQUEST_DURATION, *CHOSEN, by=(c.ROUTE,))
    ours = count_rate(c.HTTP_REQUEST_DURATION, *CHOSEN, OURS, by=(c.ROUTE,))
    theirs = count_rate(c.HTTP_REQUEST_DURATION, *CHOSEN, THEIRS, by=(c.ROUTE, c.STATUS))
    return (
        Graph(
            title="5xx by route",
            does="The share of answers that failed by our fault. One route: its code or its tables; all routes: the database, the "
            "pool, or a deploy. Every one of them is kept as a trace.",
            unit="percentunit",
            asks=(Ask(share(ours, everything, by=(c.ROUTE,)), ROUTE),),
            steps=ERROR_SHARE,
            see=("dependencies", "slo"),
        ),
        Graph(
            title="4xx by route and status",
            does="What clients got wrong, a second. 401 and 403: a token or a scope; 404: a link that died; 409 and 412: two writers; "
            "422: a client's release; 429: a client that hurries.",
            unit="reqps",
            asks=(Ask(theirs, f"{{{{{c.STATUS}}}}} {ROUTE}"),),
        ),
        Graph(
            title="Outcomes other than completed",
            does="Requests a second whose client left, that we broke off (aborted), or that we refused under load (shed). Clients "
            "that leave are impatient: see the duration. Shed means more load than we can carry: add replicas.",
            unit="reqps",
            asks=(
                Ask(
                    rate(c.HTTP_OUTCOMES, ON_ROUTE, f'{c.OUTCOME}!="completed"', by=(c.OUTCOME,)),
                    f"{{{{{c.OUTCOME}}}}}",
                ),
            ),
            see=("runtime",),
        ),
    )


def refusals() -> tuple[Panel, ...]:
    ended = rate(c.HTTP_OUTCOMES, by=("instance",))
    shed = rate(c.HTTP_OUTCOMES, f'{c.OUTCOME}="shed"', by=("instance",))
    breaker = largest(c.CACHE_BREAKER_OPEN, by=("instance", c.CACHE))
    return (
        Graph(
            title="Shed",
            does="The share of its requests that each instance refuses at once, because more is asked of it than it can do in time. "
            "One instance: it is slow, or gets more than its share; all of them: add replicas.",
            unit="percentunit",
            asks=(Ask(share(shed, ended, by=("instance",)), "{{instance}}"),),
            steps=ERROR_SHARE,
            see=("runtime", "dependencies"),
            width=6,
        ),
        Graph(
            title="Deadlines missed, by route",
            does="Requests a second that were cancelled, their queries with them, because the answer took too long. Each is a 503 (or an "
            "answer that was broken off) and is kept as a trace: it shows what the request was waiting for.",
            unit="reqps",
            asks=(Ask(rate(c.HTTP_LIMITS, ON_ROUTE, f'{c.LIMIT}="{c.DEADLINE}"', by=(c.ROUTE,)), ROUTE),),
            see=("dependencies",),
            width=6,
        ),
        Graph(
            title="Limits of clients",
            does="Requests a second that a limit ended: rate, too many of a client (429: somebody tries passwords, or a client hurries); "
            "body and head, too large (413, 431) or too slow to come (408: a bad network, or somebody who holds connections open); answer, not read.",
            unit="reqps",
            asks=(
                Ask(
                    rate(c.HTTP_LIMITS, ON_ROUTE, f'{c.LIMIT}!="{c.DEADLINE}"', by=(c.LIMIT,)),
                    f"{{{{{c.LIMIT}}}}}",
                ),
            ),
            width=6,
        ),
        Graph(
            title="Breakers",
            does="1 while an instance goes on without a cache because its server fails: it refuses nothing for that, but PostgreSQL "
            "has to do what the cache does not. It closes by itself.",
            unit="bool_on_off",
            asks=(Ask(breaker, f"{{{{instance}}}} {{{{{c.CACHE}}}}}"),),
            steps=Steps({1: RED}),
            see=("dependencies",),
            width=6,
        ),
    )


def durations(objectives: Objectives) -> tuple[Panel, ...]:
    bounds = objectives.latency_thresholds
    return (
        Graph(
            title="Duration",
            does="How long half, 95 % and 99 % of the requests took at most, from the first byte in to the last byte out, background "
            "tasks not counted. Lines are the latency objectives; a diamond is one request and leads to its trace.",
            unit="s",
            asks=percentiles(c.HTTP_REQUEST_DURATION, *CHOSEN),
            steps=Steps(dict(zip(bounds, (YELLOW, RED), strict=False))),
            see=("dependencies", "runtime"),
        ),
        Graph(
            title="p99 by route",
            does="Which route is slow. Compare with its queries per request and with who else is slow at the time.",
            unit="s",
            asks=(
                Ask(percentile(99, c.HTTP_REQUEST_DURATION, *CHOSEN, by=(c.ROUTE,)), ROUTE, exemplars=True),
            ),
            steps=Steps({bounds[-1]: RED} if bounds else {}),
            see=("dependencies",),
        ),
        Graph(
            title="Share within the objectives",
            does="The share of all answers that were complete in time, by threshold. It falls before percentiles do, and it is what "
            "the latency objectives count (there, good answers of their own routes alone).",
            unit="percentunit",
            asks=tuple(
                Ask(share_within(c.HTTP_REQUEST_DURATION, bound, *CHOSEN), f"within {bound:g} s")
                for bound in bounds
            ),
            steps=Steps({0.99: GREEN}, start=ORANGE),
            top=1,
            see=("slo",),
        ),
        Heatmap(
            title="Durations",
            does="How many requests took how long. Two bands are two kinds of answers, such as cached and not; a band that rises is "
            "a dependency that got slow; a cloud at the top is a timeout.",
            unit="s",
            asks=(Ask(buckets(c.HTTP_REQUEST_DURATION, *CHOSEN), "{{le}}"),),
            see=("dependencies",),
            width=24,
        ),
    )


def routes(objectives: Objectives) -> Table:
    everything = count_rate(c.HTTP_REQUEST_DURATION, *CHOSEN, by=(c.ROUTE,))
    ours = count_rate(c.HTTP_REQUEST_DURATION, *CHOSEN, OURS, by=(c.ROUTE,))
    slowest = objectives.latency_thresholds[-1:]
    return Table(
        title="Routes",
        does="Each route now. Begin with the one whose error share or p99 is coloured; a click on it keeps the board to it.",
        unit="short",
        asks=(
            Ask(everything),
            Ask(share(ours, everything, by=(c.ROUTE,))),
            Ask(percentile(50, c.HTTP_REQUEST_DURATION, *CHOSEN, by=(c.ROUTE,))),
            Ask(percentile(99, c.HTTP_REQUEST_DURATION, *CHOSEN, by=(c.ROUTE,))),
            Ask(percentile(95, c.HTTP_DB_QUERIES, ON_ROUTE, by=(c.ROUTE,))),
        ),
        columns=(
            Column(field=c.ROUTE, name="Route", link=ONLY_THIS_ROUTE),
            Column(field="Value #A", name="Rate", unit="reqps"),
            Column(field="Value #B", name="5xx", unit="percentunit", steps=ERROR_SHARE),
            Column(field="Value #C", name="p50", unit="s"),
            Column(field="Value #D", name="p99", unit="s", steps=Steps(dict.fromkeys(slowest, RED))),
            Column(field="Value #E", name="Queries, p95", unit="short", steps=Steps({21: RED})),
        ),
        sorted_by="Rate",
        see=("dependencies",),
        height=12,
    )


def streams() -> tuple[Panel, ...]:
    return (
        Graph(
            title="Time to the first byte of streams",
            does="How long streamed answers took to begin; what follows is in their duration.",
            unit="s",
            asks=percentiles(c.HTTP_RESPONSE_START, ON_ROUTE),
        ),
        Graph(
            title="WebSockets open",
            does="Connections that are open now, by route. A fall to nothing is a restart; a steady rise is a client that never "
            "closes.",
            unit="short",
            asks=(Ask(total(c.WEBSOCKET_ACTIVE, ON_ROUTE, by=(c.ROUTE,)), ROUTE),),
        ),
        Graph(
            title="WebSockets closed, by code",
            does="How connections end, a second: 1000 and 1001 are normal, 1006 a broken one, 1011 our error.",
            unit="ops",
            asks=(
                Ask(
                    count_rate(c.WEBSOCKET_DURATION, ON_ROUTE, by=(c.CLOSE_CODE,)), f"{{{{{c.CLOSE_CODE}}}}}"
                ),
            ),
        ),
    )
