"""The recording rules of the objectives, named and labelled as Sloth does, so that its dashboards read them.

Unlike Sloth's they are exact through idle time: bad and total events are recorded apart, a share is taken only where there
were events, and the share of the whole period weighs each event the same, whenever it came.
"""

from dashboards.slo.indicators import indicator
from dashboards.slo.objectives import Objective, Objectives
from dashboards.slo.rule import Group, Recording
from dashboards.slo.windows import SECONDS, WINDOWS

# How often everything is evaluated, in seconds; counts of the whole period are sums over evaluations.
INTERVAL = 30
SLOTH_VERSION = "glasshouse"


def identity(objectives: Objectives, objective: Objective) -> dict[str, str]:
    """The labels of all series of an objective."""
    return {
        "sloth_id": objectives.id_of(objective),
        "sloth_service": objectives.service,
        "sloth_slo": objective.name,
    }


def selected(objectives: Objectives, objective: Objective, record: str) -> str:
    """One of the series of an objective."""
    return f'{record}{{sloth_id="{objectives.id_of(objective)}"}}'


def groups(objectives: Objectives, objective: Objective) -> list[Group]:
    """What was good and bad, and what that means."""
    name, interval = f"slo-{objectives.id_of(objective)}", f"{INTERVAL}s"
    return [
        Group(f"{name}-sli", interval, _indicators(objectives, objective)),
        Group(f"{name}-budget", interval, _budget(objectives, objective)),
    ]


def _indicators(objectives: Objectives, objective: Objective) -> tuple[Recording, ...]:
    rules: list[Recording] = []
    for window in WINDOWS:
        labels = {**identity(objectives, objective), "sloth_window": window}
        events = indicator(objectives, objective, window)
        total, bad = (
            selected(objectives, objective, f"slo:sli_{kind}:rate{window}") for kind in ("total", "bad")
        )
        rules += [
            Recording(f"slo:sli_total:rate{window}", events.total, labels),
            Recording(f"slo:sli_bad:rate{window}", events.bad, labels),
            Recording(f"slo:sli_error:ratio_rate{window}", f"{bad}\n/\n({total} > 0)", labels),
        ]
    return tuple(rules)


def _budget(objectives: Objectives, objective: Objective) -> tuple[Recording, ...]:
    labels = identity(objectives, objective)
    period = f"{objectives.period_days}d"
    bad, total, error, period_error, budget, burnt = (
        selected(objectives, objective, record)
        for record in (
            "slo:sli_bad:rate5m",
            "slo:sli_total:rate5m",
            "slo:sli_error:ratio_rate5m",
            f"slo:sli_error:ratio_rate{period}",
            "slo:error_budget:ratio",
            "slo:period_burn_rate:ratio",
        )
    )
    same = "/ on (sloth_id, sloth_slo, sloth_service) group_left"
    return (
        Recording("slo:objective:ratio", f"vector({objective.target!r})", labels),
        Recording("slo:error_budget:ratio", f"vector({objective.error_budget!r})", labels),
        Recording("slo:time_period:days", f"vector({objectives.period_days})", labels),
        Recording(
            f"slo:sli_error:ratio_rate{period}",
            f"sum_over_time({bad}[{period}])\n/\n(sum_over_time({total}[{period}]) > 0)",
            {**labels, "sloth_window": period},
        ),
        Recording("slo:current_burn_rate:ratio", f"{error}\n{same}\n{budget}", labels),
        Recording("slo:period_burn_rate:ratio", f"{period_error}\n{same}\n{budget}", labels),
        Recording("slo:period_error_budget_remaining:ratio", f"1 - {burnt}", labels),
        Recording("slo:period_bad_events:count", f"sum_over_time({bad}[{period}]) * {INTERVAL}", labels),
        Recording(
            "sloth_slo_info",
            "vector(1)",
            {
                **labels,
                "sloth_mode": "cli-gen-prom",
                "sloth_objective": f"{objective.target * 100:g}",
                "sloth_spec": "prometheus/v1",
                "sloth_version": SLOTH_VERSION,
            },
        ),
    )


def events_in(rate: str, window: str) -> str:
    """How many events there were in the window, from how many there were a second."""
    return f"{rate} * {SECONDS[window]}"
