"""What an objective counts: all of its events, and the bad ones among them."""

import re
from dataclasses import dataclass

from dashboards.slo.objectives import Objective, Objectives
from observability import conventions
from observability.conventions import Metric

_SERVER_ERRORS = "5.."


@dataclass(frozen=True, slots=True)
class Indicator:
    """Expressions for the events a second over some time."""

    total: str
    bad: str


def indicator(objectives: Objectives, objective: Objective, window: str) -> Indicator:
    """The expressions of one objective, counted over the window."""
    if objective.kind == "availability":
        return _without_errors(_requests(objectives, objective), window)
    if objective.kind == "latency":
        good = (*_requests(objectives, objective), f'{conventions.STATUS}!~"{_SERVER_ERRORS}"')
        return _in_time(conventions.HTTP_REQUEST_DURATION, good, objective.threshold_seconds, window)
    jobs = (f'job="{objectives.worker_job}"', f'{conventions.RUNNER}="worker"')
    return _in_time(conventions.TASK_QUEUE_DELAY, jobs, objective.threshold_seconds, window)


def _without_errors(requests: tuple[str, ...], window: str) -> Indicator:
    """Requests that were refused or broken off are 5xx of this histogram, too."""
    count = f"{conventions.HTTP_REQUEST_DURATION.name}_count"
    total = _rate(count, requests, window)
    errors = _rate(count, (*requests, f'{conventions.STATUS}=~"{_SERVER_ERRORS}"'), window)
    # Without the series of an error there was none.
    return Indicator(total, f"{errors}\nor\n0 * {total}")


def _in_time(
    histogram: Metric, matchers: tuple[str, ...], threshold_seconds: float | None, window: str
) -> Indicator:
    total = _rate(f"{histogram.name}_count", matchers, window)
    in_time = _rate(f"{histogram.name}_bucket", (*matchers, f'le="{threshold_seconds!r}"'), window)
    # Rates are extrapolated one by one, so their difference can be a hair below nothing.
    return Indicator(total, f"clamp_min(\n  {total}\n  -\n  {in_time},\n  0\n)")


def _requests(objectives: Objectives, objective: Objective) -> tuple[str, ...]:
    matchers = [f'job="{objectives.api_job}"']
    if objective.routes:
        matchers.append(f'{conventions.ROUTE}=~"{any_of(objective.routes)}"')
    if objective.except_routes:
        matchers.append(f'{conventions.ROUTE}!~"{any_of(objective.except_routes)}"')
    if objective.methods:
        matchers.append(f'{conventions.METHOD}=~"{any_of(objective.methods)}"')
    return tuple(matchers)


def any_of(words: tuple[str, ...]) -> str:
    """A regular expression within quotes, where a backslash is written twice."""
    return "|".join(re.escape(word).replace("\\", "\\\\") for word in words)


def _rate(series: str, matchers: tuple[str, ...], window: str) -> str:
    return f"sum(rate({series}{{{', '.join(matchers)}}}[{window}]))"
