"""Are we keeping our promises, and for how long at this pace?"""

from dashboards.boards import foreign as f
from dashboards.boards.board import Dashboard, Section
from dashboards.boards.panels import GREEN, ORANGE, RED, YELLOW, Ask, Graph, Panel, Stat, Steps
from dashboards.boards.promql import select_everywhere
from dashboards.slo.objectives import Objectives
from dashboards.slo.windows import BURNS, DAY, SECONDS, Burn
from observability.conventions import Metric

RECORDED = "the rules have summed over all instances already"
BUDGET = Steps({0: ORANGE, 0.25: YELLOW, 0.5: GREEN}, start=RED)


def chosen(metric: Metric) -> str:
    return select_everywhere(metric, f'{f.SLO}=~"$slo"')


def ask(expr: str, suffix: str = "") -> Ask:
    return Ask(expr, f"{{{{{f.SLO}}}}}{suffix}")


def pace(window: str) -> str:
    return f"{chosen(f.SLO_ERRORS[window])} / on ({f.SLO}) group_left {chosen(f.SLO_BUDGET)}"


def board(objectives: Objectives) -> Dashboard:
    return Dashboard(
        board="slo",
        since="now-24h",
        description="Each objective of dashboards/slo.yaml: what was promised, what was kept, and how fast the rest is spent.",
        sections=(
            Section("The promise", promise()),
            Section("The budget", budget()),
            Section(
                "The pace: both lines of a pair above its step fire the alert", paces(objectives.period_days)
            ),
        ),
    )


def promise() -> tuple[Panel, ...]:
    return (
        Stat(
            title="Objective",
            does="The share of events that has to be good over the period. It is set in dashboards/slo.yaml.",
            unit="percentunit",
            asks=(ask(chosen(f.SLO_OBJECTIVE)),),
            everywhere=RECORDED,
            width=6,
        ),
        Stat(
            title="Kept over the period",
            does="The share of events that was good, each counted once. Below the objective, the promise is broken: "
            "stop releases that risk more, and put reliability first until it is kept again.",
            unit="percentunit",
            asks=(ask(f"1 - {chosen(f.SLO_BURN_PERIOD)} * on ({f.SLO}) {chosen(f.SLO_BUDGET)}"),),
            everywhere=RECORDED,
            width=6,
        ),
        Stat(
            title="Budget left",
            does="The share of the bad events allowed that has not happened yet. Below 0 the promise is broken; below a "
            "quarter, release carefully.",
            unit="percentunit",
            asks=(ask(chosen(f.SLO_BUDGET_LEFT)),),
            steps=BUDGET,
            everywhere=RECORDED,
            width=6,
        ),
        Stat(
            title="Bad events in the period",
            does="How many events broke each objective in the period; they leave it again when they are as old as it is long.",
            unit="short",
            asks=(ask(chosen(f.SLO_BAD_PERIOD)),),
            everywhere=RECORDED,
            see=("requests",),
            width=6,
        ),
    )


def budget() -> tuple[Panel, ...]:
    left = chosen(f.SLO_BUDGET_LEFT)
    now = f"({chosen(f.SLO_BURN_NOW)} > 0)"
    return (
        Graph(
            title="Budget burn-down",
            does="The share of the budget that is left. A cliff is an incident, a slope is a defect that everybody got used "
            "to: find when it began, and which deploy stands there.",
            unit="percentunit",
            asks=(ask(left),),
            steps=BUDGET,
            everywhere=RECORDED,
            floor=None,
            width=12,
        ),
        Stat(
            title="Spent by the period",
            does="How much of the budget the period has spent; above 1 there is none left.",
            unit="percentunit",
            asks=(ask(chosen(f.SLO_BURN_PERIOD)),),
            steps=Steps({0.5: YELLOW, 0.75: ORANGE, 1: RED}),
            everywhere=RECORDED,
            width=6,
            height=8,
        ),
        Stat(
            title="Time to exhaustion",
            does="When the budget is empty if errors go on as now. Nothing is shown while nothing is burnt. Less than three "
            "days: act today.",
            unit="s",
            asks=(
                ask(
                    f"clamp_min({left}, 0) * {DAY} * on ({f.SLO}) {chosen(f.SLO_PERIOD_DAYS)} "
                    f"/ on ({f.SLO}) {now}"
                ),
            ),
            steps=Steps(
                {0: RED, DAY: ORANGE, 3 * DAY: YELLOW, 30 * DAY: GREEN},
                start=RED,
            ),
            everywhere=RECORDED,
            none="not burning",
            see=("requests",),
            width=6,
            height=8,
        ),
    )


def paces(period_days: int) -> tuple[Panel, ...]:
    return (
        *(pair(burn, period_days) for burn in BURNS),
        Graph(
            title="Bad events in 5 minutes",
            does="How many events broke each objective. Few requests make a large share of one error: look here before "
            "you believe a burn rate at night.",
            unit="short",
            asks=(ask(f"{SECONDS['5m']} * {chosen(f.SLO_BAD_5M)}"),),
            everywhere=RECORDED,
            see=("requests", "dependencies"),
            width=12,
        ),
        Graph(
            title="Events in 5 minutes",
            does="How many events each objective counts. A drop to nothing is an outage in front of us, or nobody asks.",
            unit="short",
            asks=(ask(f"{SECONDS['5m']} * {chosen(f.SLO_TOTAL_5M)}"),),
            everywhere=RECORDED,
            see=("requests",),
            width=12,
        ),
    )


def pair(burn: Burn, period_days: int) -> Graph:
    factor = burn.factor(period_days)
    return Graph(
        title=f"Burn rate over {burn.short} and {burn.long}",
        does=f"How many times faster than allowed the budget is spent; at 1 it lasts exactly the period. Both above {factor:g} is a "
        f"{burn.severity}: the long window says that it matters, the short one that it still goes on.",
        unit="short",
        asks=(ask(pace(burn.short), f" {burn.short}"), ask(pace(burn.long), f" {burn.long}")),
        steps=Steps({factor: RED}),
        everywhere=RECORDED,
        see=("requests",),
        width=6,
    )
