"""Alerts on the budgets of the objectives: burning too fast, used up, and not known."""

from dashboards.links import board_url, runbook_url
from dashboards.slo.objectives import Objective, Objectives
from dashboards.slo.recordings import INTERVAL, events_in, identity, selected
from dashboards.slo.rule import Alert, Group
from dashboards.slo.symptoms.background import WAITING
from dashboards.slo.windows import BURNS, Burn, Severity
from observability import conventions

SHORT = "5m"


def group(objectives: Objectives, objective: Objective) -> Group:
    """All alerts of an objective."""
    return Group(
        f"slo-{objectives.id_of(objective)}-alerts",
        f"{INTERVAL}s",
        (
            _burns(objectives, objective, "page"),
            _burns(objectives, objective, "ticket"),
            _exhausted(objectives, objective),
            _absent(objectives, objective),
        ),
    )


def _burns(objectives: Objectives, objective: Objective, severity: Severity) -> Alert:
    """The value is the burn rate of the short window: that goes down first when things get better."""
    burns = [_burn(objectives, objective, burn) for burn in BURNS if burn.severity == severity]
    return _alert(
        objectives,
        objective,
        "ErrorBudgetBurn",
        "max without (sloth_window) (\n" + "\n  or ignoring (sloth_window)\n".join(burns) + "\n)",
        hold="1m",
        severity=severity,
        summary=f"{objective.name}: the error budget burns {{{{ $value | humanize }}}} times too fast",
        description=f"{objective.description} Promised for {objective.target * 100:g} % over {objectives.period_days} days; "
        "at this speed the budget is spent before they are over.",
    )


def _burn(objectives: Objectives, objective: Objective, burn: Burn) -> str:
    budget, factor = f"{objective.error_budget!r}", f"{burn.factor(objectives.period_days):g}"
    short, long = (
        f"{selected(objectives, objective, f'slo:sli_error:ratio_rate{window}')} / {budget} > {factor}"
        for window in (burn.short, burn.long)
    )
    bad = events_in(selected(objectives, objective, f"slo:sli_bad:rate{burn.long}"), burn.long)
    conditions = (short, long, f"{bad} >= {objectives.alerting.minimum_bad_events}")
    return "  (\n    " + "\n    and ignoring (sloth_window)\n    ".join(conditions) + "\n  )"


def _exhausted(objectives: Objectives, objective: Objective) -> Alert:
    left = selected(objectives, objective, "slo:period_error_budget_remaining:ratio")
    bad = selected(objectives, objective, "slo:period_bad_events:count")
    return _alert(
        objectives,
        objective,
        "ErrorBudgetExhausted",
        "max without (sloth_window) (\n"
        f"  {left} <= 0\n  and ignoring (sloth_window)\n  {bad} >= {objectives.alerting.minimum_bad_events}\n)",
        hold="5m",
        severity="ticket",
        summary=f"{objective.name}: {{{{ $value | humanizePercentage }}}} of the error budget is left",
        description=f"{objective.description} The promise of {objective.target * 100:g} % over {objectives.period_days} days is "
        "broken until the bad events have left that time: reliability goes before features.",
    )


def _absent(objectives: Objectives, objective: Objective) -> Alert:
    """A renamed metric, a misspelt label or a lost bucket would otherwise look like a quiet day."""
    total, bad = (
        f"absent({selected(objectives, objective, f'slo:sli_{kind}:rate{SHORT}')})"
        for kind in ("total", "bad")
    )
    expr = f"{total}\nor\n{bad}"
    if objective.kind == "freshness":
        # Until the first job has started there is nothing to count, unless jobs are waiting.
        expr = (
            f'({expr})\nand on ()\nsum({conventions.QUEUE_DEPTH.name}{{{conventions.STATE}="{WAITING}"}}) > 0'
        )
    return _alert(
        objectives,
        objective,
        "SLOMetricAbsent",
        expr,
        hold="10m",
        severity="page",
        summary=f"{objective.name}: nobody knows whether the promise is kept",
        description="The metric that the objective counts is not there, so none of its other alerts can fire.",
    )


def _alert(
    objectives: Objectives,
    objective: Objective,
    name: str,
    expr: str,
    *,
    hold: str,
    severity: Severity,
    summary: str,
    description: str,
) -> Alert:
    return Alert(
        name,
        expr,
        hold,
        {**identity(objectives, objective), "severity": severity},
        {
            "summary": summary,
            "description": description,
            "dashboard_url": board_url(objectives.links, "slo", slo=objective.name),
            "runbook_url": runbook_url(objectives.links, name),
        },
    )
