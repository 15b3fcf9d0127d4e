"""Stories with known ends, for `promtool test rules`: each objective is told the same ones."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.slo.objectives import Objective, Objectives
from dashboards.slo.recordings import identity, selected
from dashboards.slo.rule import Group, dumped
from dashboards.slo.symptoms.background import WAITING
from dashboards.slo.windows import BURNS
from observability import conventions

# How often there is a sample, and how often rules are evaluated: what is checked must fall on the latter.
BY_THE_MINUTE, BY_THE_HOUR = ("1m", "5m"), ("1h", "6h")
# Events a minute of a busy service, and a share of them that is a whole number for every target.
BUSY = 100_000
HOURS_A_DAY = 24
ACCURACY = 1e-9


@dataclass(frozen=True, slots=True)
class RulesFile:
    """What a story is about; the path as the file of the story sees it."""

    path: str
    groups: list[Group]


@dataclass(frozen=True, slots=True)
class Stretch:
    """So many steps of so many events, some of them bad."""

    steps: int
    events: float
    bad: float = 0


@dataclass(frozen=True, slots=True)
class Check:
    """At a time, an expression has one value without labels, or none."""

    at: str
    expr: str
    value: float | None

    def as_yaml(self) -> dict[str, Any]:
        samples = [] if self.value is None else [{"labels": "{}", "value": self.value}]
        return {"eval_time": self.at, "expr": self.expr, "exp_samples": samples}


def hours(objectives: Objectives, objective: Objective, rules: RulesFile) -> str:
    """A file for promtool, told by the minute."""
    return _file(rules, BY_THE_MINUTE, Stories(objectives, objective).of_hours())


def weeks(objectives: Objectives, objective: Objective, rules: RulesFile) -> str:
    """The same, told by the hour."""
    return _file(rules, BY_THE_HOUR, Stories(objectives, objective).of_weeks())


def _file(rules: RulesFile, pace: tuple[str, str], stories: Iterable[dict[str, Any]]) -> str:
    sampled, evaluated = pace
    return dumped(
        {
            "rule_files": [rules.path],
            # In any order otherwise, and one evaluation behind what they stand on.
            "group_eval_order": [group.name for group in rules.groups],
            "evaluation_interval": evaluated,
            "tests": [{**story, "interval": sampled} for story in stories],
        }
    )


class Stories:
    """What happens to one objective."""

    def __init__(self, objectives: Objectives, objective: Objective) -> None:
        """Know how fast is too fast for it."""
        self._objectives, self._objective = objectives, objective
        self._page = BURNS[0].factor(objectives.period_days) * objective.error_budget
        self._minimum = objectives.alerting.minimum_bad_events

    def of_hours(self) -> Iterator[dict[str, Any]]:
        """From what a process exposes."""
        yield self._a_page_fires_and_resolves()
        yield self._a_slow_burn_is_a_ticket()
        yield self._what_the_budget_allows_alarms_nobody()
        yield self._one_error_in_a_quiet_night_alarms_nobody()
        yield self._an_idle_time_is_neither_good_nor_bad()
        yield self._no_metric_is_an_alert()
        if self._objective.threshold_seconds:
            yield self._a_lost_bucket_is_an_alert()

    def of_weeks(self) -> Iterator[dict[str, Any]]:
        """From what the rules of five minutes record."""
        yield self._a_spell_spends_what_it_should()
        yield self._a_spent_budget_is_a_ticket_until_the_spell_is_forgotten()

    def _a_page_fires_and_resolves(self) -> dict[str, Any]:
        """At 1.3 times the speed of a page, the hour is above it after 46 minutes, and the half hour below 6 after 21."""
        bad = round(1.3 * self._page * BUSY)
        stretches = [Stretch(360, BUSY), Stretch(60, BUSY, bad), Stretch(120, BUSY)]
        return self._story(
            "a page fires and resolves",
            self._counted(stretches),
            Check("355m", self._firing("ErrorBudgetBurn"), None),
            Check("400m", self._firing("ErrorBudgetBurn", "page"), None),
            Check("415m", self._firing("ErrorBudgetBurn", "page"), 1),
            Check("540m", self._firing("ErrorBudgetBurn", "page"), None),
        )

    def _a_slow_burn_is_a_ticket(self) -> dict[str, Any]:
        bad = round(4 * self._objective.error_budget * self._slowest() * BUSY)
        return self._story(
            "a slow burn is a ticket and no page",
            self._counted([Stretch(240, BUSY, bad)]),
            Check("240m", self._firing("ErrorBudgetBurn", "ticket"), 1),
            Check("240m", self._firing("ErrorBudgetBurn", "page"), None),
        )

    def _what_the_budget_allows_alarms_nobody(self) -> dict[str, Any]:
        share = self._slowest() / 2 * self._objective.error_budget
        bad = round(share * BUSY)
        left = 1 - bad / BUSY / self._objective.error_budget
        return self._story(
            "what the budget allows alarms nobody",
            self._counted([Stretch(240, BUSY, bad)]),
            *(Check(at, self._firing(".+"), None) for at in ("60m", "120m", "240m")),
            Check("240m", self._is_near("slo:period_error_budget_remaining:ratio", left), 1),
        )

    def _one_error_in_a_quiet_night_alarms_nobody(self) -> dict[str, Any]:
        night = [Stretch(60, 0.1), Stretch(1, 1, 1), Stretch(120, 0.1)]
        error = self._record("slo:sli_error:ratio_rate1h")
        return self._story(
            "one error in a quiet night alarms nobody",
            self._counted(night),
            *(Check(f"{minute}m", self._firing(".+"), None) for minute in range(65, 181, 10)),
            Check("65m", f"sum({error}) > bool {self._page!r}", 1),
        )

    def _an_idle_time_is_neither_good_nor_bad(self) -> dict[str, Any]:
        bad = round(self._objective.error_budget * BUSY / 5)
        left = 1 - bad / BUSY / self._objective.error_budget
        stretches = [Stretch(60, BUSY, bad), Stretch(120, 0), Stretch(60, BUSY, bad)]
        idle = [
            Check("175m", f"sum({self._record(f'slo:sli_total:rate{window}')})", 0)
            for window in ("5m", "30m", "1h")
        ]
        return self._story(
            "an idle time is neither good nor bad",
            self._counted(stretches),
            *idle,
            *(
                Check("175m", f"count({self._record(f'slo:sli_error:ratio_rate{window}')})", None)
                for window in ("5m", "30m", "1h")
            ),
            Check("175m", self._is_near("slo:period_error_budget_remaining:ratio", left), 1),
            Check("240m", self._is_near("slo:period_error_budget_remaining:ratio", left), 1),
            Check("240m", self._firing(".+"), None),
        )

    def _no_metric_is_an_alert(self) -> dict[str, Any]:
        return self._story(
            "a metric that is not there is an alert",
            self._waiting_jobs(),
            Check("5m", self._firing("SLOMetricAbsent", "page"), None),
            Check("15m", self._firing("SLOMetricAbsent", "page"), 1),
        )

    def _a_lost_bucket_is_an_alert(self) -> dict[str, Any]:
        series = [each for each in self._counted([Stretch(30, BUSY)]) if "_bucket{" not in each["series"]]
        return self._story(
            "a bucket that is not there is an alert",
            [*series, *self._waiting_jobs()],
            Check("5m", self._firing("SLOMetricAbsent", "page"), None),
            Check("20m", self._firing("SLOMetricAbsent", "page"), 1),
        )

    def _a_spell_spends_what_it_should(self) -> dict[str, Any]:
        """10 events a second for twelve hours a day, none at night; three hours in which some are bad."""
        budget, days = self._objective.error_budget, self._objectives.period_days
        bad = 10 * budget * 12 * days / 3 / 4
        spell = [Stretch(12, 10), Stretch(12, 0), Stretch(3, 10, bad), Stretch(9, 10), Stretch(12, 0)]
        rest = [Stretch(12, 10), Stretch(12, 0)] * (days - 2)
        return self._story(
            "a spell of errors spends a quarter of the budget, through idle nights",
            self._recorded([*spell, *rest]),
            Check(f"{days * 24 - 6}h", self._is_near("slo:period_error_budget_remaining:ratio", 0.75), 1),
            Check(f"{days * 24 - 6}h", self._firing("ErrorBudgetExhausted"), None),
        )

    def _a_spent_budget_is_a_ticket_until_the_spell_is_forgotten(self) -> dict[str, Any]:
        """All of the budget and a half of it within a day, then nothing bad for longer than the period."""
        days = self._objectives.period_days
        bad = 10 * self._objective.error_budget * 1.5
        day = Stretch(HOURS_A_DAY, 1000, bad * 100)
        return self._story(
            "a spent budget is a ticket until the spell is forgotten",
            self._recorded([day, Stretch((days + 1) * HOURS_A_DAY, 0), Stretch(HOURS_A_DAY, 1000)]),
            Check("24h", self._is_near("slo:period_error_budget_remaining:ratio", -0.5), 1),
            Check("24h", self._firing("ErrorBudgetExhausted", "ticket"), 1),
            Check(f"{days - 1}d", self._is_near("slo:period_error_budget_remaining:ratio", -0.5), 1),
            Check(f"{days + 2}d18h", self._is_near("slo:period_error_budget_remaining:ratio", 1), 1),
            Check(f"{days + 2}d18h", self._firing("ErrorBudgetExhausted"), None),
        )

    def _story(self, name: str, series: Sequence[dict[str, str]], *checks: Check) -> dict[str, Any]:
        return {
            "name": f"{self._objective.name}: {name}",
            "input_series": list(series),
            "promql_expr_test": [check.as_yaml() for check in checks],
        }

    def _slowest(self) -> float:
        """The slowest burn rate of all tickets."""
        return min(burn.factor(self._objectives.period_days) for burn in BURNS)

    def _firing(self, alert: str, severity: str = ".+") -> str:
        about = f'alertname=~"{alert}", severity=~"{severity}", sloth_slo="{self._objective.name}"'
        return f'count(ALERTS{{alertstate="firing", {about}}})'

    def _is_near(self, record: str, value: float) -> str:
        return f"sum(abs({self._record(record)} - {value!r})) < bool {ACCURACY!r}"

    def _record(self, record: str) -> str:
        return selected(self._objectives, self._objective, record)

    def _waiting_jobs(self) -> list[dict[str, str]]:
        if self._objective.kind != "freshness":
            return []
        labels = f'job="{self._objectives.worker_job}", {conventions.STATE}="{WAITING}"'
        return [{"series": f"{conventions.QUEUE_DEPTH.name}{{{labels}}}", "values": "1+0x60"}]

    def _recorded(self, stretches: Iterable[Stretch]) -> list[dict[str, str]]:
        """What the rules of five minutes would have recorded, sampled each hour."""
        labels = {**identity(self._objectives, self._objective), "sloth_window": "5m"}
        text = ", ".join(f'{name}="{value}"' for name, value in labels.items())
        steps = list(stretches)
        values = {
            "total": " ".join(f"{each.events!r}+0x{each.steps - 1}" for each in steps),
            "bad": " ".join(f"{each.bad!r}+0x{each.steps - 1}" for each in steps),
        }
        return [
            {"series": f"slo:sli_{kind}:rate5m{{{text}}}", "values": each} for kind, each in values.items()
        ]

    def _counted(self, stretches: Sequence[Stretch]) -> list[dict[str, str]]:
        """What a process would expose, sampled each minute."""
        events = _counter((each.steps, each.events) for each in stretches)
        good = _counter((each.steps, each.events - each.bad) for each in stretches)
        bad = _counter((each.steps, each.bad) for each in stretches)
        if self._objective.kind == "availability":
            count = f"{conventions.HTTP_REQUEST_DURATION.name}_count"
            return [
                {"series": f"{count}{{{self._request(200)}}}", "values": good},
                {"series": f"{count}{{{self._request(500)}}}", "values": bad},
            ]
        name, labels = conventions.HTTP_REQUEST_DURATION.name, self._request(200)
        if self._objective.kind == "freshness":
            name = conventions.TASK_QUEUE_DELAY.name
            labels = f'job="{self._objectives.worker_job}", instance="a:1", {conventions.TASK}="story", {conventions.RUNNER}="worker"'
        return [
            {"series": f"{name}_count{{{labels}}}", "values": events},
            {
                "series": f'{name}_bucket{{{labels}, le="{self._objective.threshold_seconds!r}"}}',
                "values": good,
            },
        ]

    def _request(self, status: int) -> str:
        route = (*self._objective.routes, "/story")[0]
        method = (*self._objective.methods, "GET")[0]
        return (
            f'job="{self._objectives.api_job}", instance="a:1", {conventions.METHOD}="{method}", '
            f'{conventions.ROUTE}="{route}", {conventions.STATUS}="{status}"'
        )


def _counter(stretches: Iterable[tuple[int, float]]) -> str:
    """A counter that begins with nothing and grows so much at each of so many steps."""
    parts, reached = ["0"], 0.0
    for steps, growth in stretches:
        parts.append(f"{reached + growth:.10g}+{growth:.10g}x{steps - 1}")
        reached += growth * steps
    return " ".join(parts)
