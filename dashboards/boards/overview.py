"""Is the service well, and if not, where to look?"""

from dashboards.boards import foreign as f
from dashboards.boards.board import Dashboard, Section
from dashboards.boards.panels import (
    GREEN,
    ORANGE,
    RED,
    YELLOW,
    Ask,
    Column,
    Graph,
    Panel,
    Stat,
    Steps,
    Table,
)
from dashboards.boards.percentiles import percentiles
from dashboards.boards.promql import (
    count_rate,
    percentile,
    rate,
    share,
    status_class,
    total,
)
from dashboards.boards.slo import BUDGET, RECORDED, ask, chosen
from dashboards.slo.indicators import any_of
from dashboards.slo.objectives import Objectives
from observability import conventions as c

POOL_SHARE = Steps({0.7: YELLOW, 0.9: RED})
# The catalogue is read far more often than written: fewer hits than this mean that something outdates too much.
HIT_SHARE = Steps({0.5: YELLOW, 0.8: GREEN}, start=RED)
LAG = Steps({0.05: YELLOW, 0.25: RED})


def board(objectives: Objectives) -> Dashboard:
    return Dashboard(
        board="overview",
        description="Start here: are the promises kept, what do clients see, and what runs out first.",
        sections=(
            Section("Promises", promises()),
            Section("What clients see", clients(objectives)),
            Section("What runs out first", saturation()),
            Section("Alerts", alerts()),
        ),
    )


def promises() -> tuple[Panel, ...]:
    return (
        Stat(
            title="Budget left",
            does="The share of the bad events allowed that has not happened yet. Red: the promise is broken, so "
            "put reliability before features.",
            unit="percentunit",
            asks=(ask(chosen(f.SLO_BUDGET_LEFT)),),
            steps=BUDGET,
            see=("slo",),
            everywhere=RECORDED,
            width=10,
        ),
        Stat(
            title="Burn now",
            does="How many times faster than allowed the budgets are spent. Above 1 the period will not be survived, above 14.4 "
            "somebody is paged: look at what clients see, below.",
            unit="short",
            asks=(ask(chosen(f.SLO_BURN_NOW)),),
            steps=Steps({1: YELLOW, 6: ORANGE, 14.4: RED}),
            see=("slo",),
            everywhere=RECORDED,
            width=10,
        ),
        Stat(
            title="Alerts firing",
            does="How many alerts fire, the Watchdog apart. The table at the end says which; each leads to its runbook.",
            unit="short",
            asks=(Ask(f"count({f.FIRING_ALERTS}) or vector(0)"),),
            steps=Steps({1: RED}),
            see=("slo",),
            everywhere="an alert may have lost the labels of what it is about",
        ),
    )


def clients(objectives: Objectives) -> tuple[Panel, ...]:
    asked = _asked_by_clients(objectives)
    everything = count_rate(c.HTTP_REQUEST_DURATION, asked)
    failed = count_rate(c.HTTP_REQUEST_DURATION, asked, f'{c.STATUS}=~"5.."')
    refused = count_rate(c.HTTP_REQUEST_DURATION, asked, f'{c.STATUS}=~"4.."')
    latency = max(objectives.latency_thresholds, default=0.25)
    return (
        Graph(
            title="Request rate",
            does="Requests answered a second, by class of status; probes and scrapes are not in it. A sudden fall with no deploy "
            "is usually in front of us: proxy, DNS, or a client.",
            unit="reqps",
            asks=(
                Ask(
                    status_class(count_rate(c.HTTP_REQUEST_DURATION, asked, by=(c.STATUS,)), c.STATUS),
                    "{{class}}",
                ),
            ),
            is_stacked=True,
            see=("requests",),
        ),
        Graph(
            title="Error share",
            does="5xx are ours and burn the budget; 4xx are what clients got wrong, and a wave of them is often a bad release of "
            "one client. Above the line at 0.1 %, the availability objective is not kept: see Requests for the routes.",
            unit="percentunit",
            asks=(Ask(share(failed, everything), "5xx"), Ask(share(refused, everything), "4xx")),
            steps=Steps({_budget(objectives): RED}),
            see=("requests", "dependencies"),
        ),
        Graph(
            title="Latency",
            does="How long half, 95 % and 99 % of the requests took at most, background tasks not counted; the line is the slowest "
            "latency objective. A diamond is one request: it leads to its trace. Only p99 up: a queue or a pool; all up: CPU, "
            "database or event loop.",
            unit="s",
            asks=percentiles(c.HTTP_REQUEST_DURATION, asked),
            steps=Steps({latency: RED}),
            see=("requests",),
        ),
    )


def saturation() -> tuple[Panel, ...]:
    hits = rate(c.CACHE_REQUESTS, f'{c.RESULT}=~"hit|stale"')
    looks = rate(c.CACHE_REQUESTS, f'{c.RESULT}!="bypass"')
    return (
        Graph(
            title="In flight",
            does="Requests being answered. It grows when they come faster or take longer; if the request rate did not grow, "
            "something has become slow.",
            unit="short",
            asks=(Ask(total(c.HTTP_ACTIVE_REQUESTS, by=("instance",)), "{{instance}}"),),
            see=("requests",),
            width=6,
        ),
        Graph(
            title="Pool used",
            does="The share of its connections that each pool has handed out, in the process where it is fullest. Near 100 % requests queue for one: find who holds "
            "them (hold time) before you enlarge the pool.",
            unit="percentunit",
            asks=(Ask(fullest_pool(), f"{{{{{c.POOL}}}}}"),),
            steps=POOL_SHARE,
            top=1,
            see=("dependencies",),
            width=6,
        ),
        Graph(
            title="Cache hits",
            does="The share of look-ups answered from the cache, stale answers included. A collapse sends the load to PostgreSQL: "
            "look for a wave of invalidations, or a breaker that is open.",
            unit="percentunit",
            asks=(Ask(share(hits, looks), "hits"),),
            steps=HIT_SHARE,
            top=1,
            see=("dependencies",),
            width=6,
        ),
        Graph(
            title="Event loop lag",
            does="How late the event loop wakes for 99 % of its looks. Every request waits that long: Runtime names the code that "
            "blocked it.",
            unit="s",
            asks=(Ask(percentile(99, c.LOOP_LAG, by=("instance",)), "{{instance}}"),),
            steps=LAG,
            see=("runtime",),
            width=6,
        ),
    )


def fullest_pool() -> str:
    """The share of each pool that is used, where it is fullest: an idle replica or worker must not hide a full one."""
    each = (c.POOL, "instance")
    used = total(c.POOL_COUNT, f'{c.POOL_STATE}="used"', by=each)
    return f"max by ({c.POOL}) ({share(used, total(c.POOL_MAX, by=each), by=each)})"


def alerts() -> tuple[Panel, ...]:
    return (
        Table(
            title="Firing alerts",
            does="What fires now. Open the alert in Alertmanager for its value, and its runbook for what to do.",
            unit="short",
            asks=(Ask(f"max by (alertname, severity, {f.SLO}) ({f.FIRING_ALERTS})"),),
            columns=(
                Column(field="alertname", name="Alert", link="/alerting/list?search=${__value.text}"),
                Column(field="severity", name="Severity"),
                Column(field=f.SLO, name="Objective"),
            ),
            sorted_by="Severity",
            everywhere="an alert may have lost the labels of what it is about",
            none="No alert fires",
            see=("slo",),
            height=6,
        ),
    )


def _asked_by_clients(objectives: Objectives) -> str:
    """Keeps to the routes that the availability objective counts."""
    routes = tuple(
        route
        for objective in objectives.objectives
        if objective.kind == "availability"
        for route in objective.except_routes
    )
    return f'{c.ROUTE}!~"{any_of(routes)}"'


def _budget(objectives: Objectives) -> float:
    return min(
        objective.error_budget for objective in objectives.objectives if objective.kind == "availability"
    )
