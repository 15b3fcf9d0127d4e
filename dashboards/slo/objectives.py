"""The objectives of `dashboards/slo.yaml`, read and checked: a mistake is told with its line and what to write instead."""

import re
from collections.abc import Iterator
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedBase
from ruamel.yaml.error import MarkedYAMLError

from observability import conventions

FOLDER = Path(__file__).parents[1]
FILE = FOLDER / "slo.yaml"
# What the service serves, besides what serves it: one route a line. A test holds it against the service.
ROUTES_FILE = FOLDER / "routes.txt"
ROUTES_OF_NOBODY = ("/metrics", conventions.UNMATCHED)

# A histogram that tells a threshold apart must have buckets on both sides of it.
FASTEST, SLOWEST = conventions.HTTP_BUCKETS[0], conventions.HTTP_BUCKETS[-1]
UNITS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60)}
# Below, 14.4 times the budget is more than everything: nothing could be bad enough for a page.
LEAST_TARGET, MOST_TARGET = Decimal(95), Decimal("99.999")

# The longest window of an alert fits into the shortest, and Prometheus keeps 40 days.
PERIODS = range(7, 31)

_CONSEQUENCES = ("missing", "too_short")

Kind = Literal["availability", "latency", "freshness"]
# Keys and positions that lead to something in the file.
_Place: TypeAlias = tuple[str | int, ...]
# Place, reason, fix.
_Mistake: TypeAlias = tuple[_Place, str, str]


class ObjectivesError(Exception):
    """`slo.yaml` holds a mistake: where, why it is one, and what to write instead."""

    def __init__(self, path: Path, line: int, reason: str, fix: str) -> None:
        """Say all of it in one line."""
        shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        super().__init__(f"{shown}:{line}: {reason}. {fix}.")
        self.path, self.line, self.reason, self.fix = path, line, reason, fix


def _refuse(reason: str, fix: str) -> NoReturn:
    kind = "mistake"
    raise PydanticCustomError(kind, "{reason}", {"reason": reason, "fix": fix})


def _fraction(percent: Any) -> float:
    if isinstance(percent, bool) or not isinstance(percent, int | float):
        _refuse(f"target is {percent!r}, not a number", "Write per cent, such as 99.9")
    exact = Decimal(str(percent))
    if exact > MOST_TARGET:
        _refuse(f"target {percent} leaves no error budget", f"Write at most {MOST_TARGET}, such as 99.9")
    if exact < LEAST_TARGET:
        _refuse(
            f"target {percent} is too low to page anybody",
            f"Write at least {LEAST_TARGET} per cent, such as 99.9",
        )
    return float(exact / 100)


def _seconds(duration: Any) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(ms|s|m)", str(duration))
    if found is None:
        _refuse(
            f"threshold {duration!r} is no duration", "Write a number with its unit, such as 250ms or 30s"
        )
    return float(Decimal(found[1]) * UNITS[found[2]])


def _days(period: Any) -> int:
    found = re.fullmatch(r"(\d+)d", str(period))
    if found is None or int(found[1]) not in PERIODS:
        _refuse(f"period {period!r} is not understood", f"Write {PERIODS[0]}d to {PERIODS[-1]}d")
    return int(found[1])


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Links(_Frozen):
    """Where people find the boards and the runbooks; URLs without a slash at the end."""

    grafana: Annotated[str, Field(pattern=r"^https?://\S+[^/\s]$")]
    runbooks: Annotated[str, Field(pattern=r"^https?://\S+[^/\s]$")]


class Alerting(_Frozen):
    """When burning budget is worth an alert."""

    minimum_bad_events: Annotated[int, Field(ge=1, le=100_000)]


class Objective(_Frozen):
    """One promise. `target` is a share: 0.999 for 99.9 %."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    description: Annotated[str, Field(min_length=10)]
    kind: Kind
    target: Annotated[float, BeforeValidator(_fraction)]
    threshold_seconds: Annotated[float | None, Field(alias="threshold"), BeforeValidator(_seconds)] = None
    routes: tuple[str, ...] = ()
    except_routes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    @property
    def error_budget(self) -> float:
        """The share of events that may be bad."""
        return float(1 - Decimal(str(self.target)))

    @model_validator(mode="after")
    def _is_complete(self) -> "Objective":
        if self.kind == "availability" and self.threshold_seconds is not None:
            _refuse("availability has no threshold", "Remove it, or write kind: latency")
        if self.kind != "availability" and self.threshold_seconds is None:
            _refuse(f"{self.kind} needs a threshold", "Add one, such as threshold: 250ms")
        if self.routes and self.except_routes:
            _refuse("routes and except_routes exclude each other", "Keep one of them")
        if self.kind == "freshness" and (self.routes or self.except_routes or self.methods):
            _refuse("jobs have no routes or methods", "Remove routes, except_routes and methods")
        return self


class Objectives(_Frozen):
    """All promises of the service."""

    service: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    period_days: Annotated[int, Field(alias="period"), BeforeValidator(_days)]
    alerting: Alerting
    links: Links
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]

    def id_of(self, objective: Objective) -> str:
        """What tells its series apart from those of all other services, as Sloth spells it."""
        return f"{self.service}-{objective.name}"

    @property
    def api_job(self) -> str:
        """The job under which Prometheus scrapes the processes that answer requests."""
        return self.service

    @property
    def worker_job(self) -> str:
        """The job under which Prometheus scrapes the processes that work off the queue."""
        return f"{self.service}-worker"

    @property
    def latency_thresholds(self) -> tuple[float, ...]:
        """Seconds that the histogram of requests must tell apart."""
        latencies = (each.threshold_seconds for each in self.objectives if each.kind == "latency")
        return tuple(sorted({seconds for seconds in latencies if seconds is not None}))

    @property
    def route_thresholds(self) -> dict[str, float]:
        """The tightest of them for each route that an objective names."""
        named = [
            (route, each.threshold_seconds)
            for each in self.objectives
            if each.threshold_seconds is not None and each.kind == "latency"
            for route in each.routes
        ]
        return {route: min(seconds for other, seconds in named if other == route) for route, _ in named}


def load(path: Path = FILE, *, routes_file: Path = ROUTES_FILE) -> Objectives:
    """Read the objectives.

    Raises:
        ObjectivesError: The first mistake in the file.
    """
    tree = _parsed(path)
    try:
        objectives = Objectives.model_validate(tree)
    except ValidationError as error:
        # What is misspelt is also missing, and a list of mistakes is also empty: the cause comes first.
        details = min(
            error.errors(), key=lambda each: (each["type"] in _CONSEQUENCES, _line(tree, each["loc"]))
        )
        raise ObjectivesError(path, _line(tree, details["loc"]), *_in_words(details)) from None
    known = (*routes_file.read_text().split(), *ROUTES_OF_NOBODY)
    for place, reason, fix in _mistakes(objectives, known):
        raise ObjectivesError(path, _line(tree, place), reason, fix)
    return objectives


def _parsed(path: Path) -> Any:
    try:
        tree = YAML(typ="rt").load(path)
    except FileNotFoundError:
        raise ObjectivesError(path, 1, "there is no such file", "Write it, or name another") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ObjectivesError(
            path, line, f"not YAML: {error.problem}", "Correct the line or the one before"
        ) from None
    if not isinstance(tree, dict):
        raise ObjectivesError(path, 1, "there are no objectives in it", "Begin with service: and objectives:")
    return tree


def _mistakes(objectives: Objectives, known_routes: tuple[str, ...]) -> Iterator[_Mistake]:
    """What only shows when the whole is looked at."""
    names = [each.name for each in objectives.objectives]
    methods = tuple(sorted(conventions.KNOWN_METHODS))
    for position, objective in enumerate(objectives.objectives):
        place: _Place = ("objectives", position)
        if objective.name in names[:position]:
            yield (*place, "name"), f"name {objective.name} is taken", "Give each objective a name of its own"
        for reason, fix in _threshold_mistakes(objective):
            yield (*place, "threshold"), reason, fix
        yield from _unknown((*place, "routes"), objective.routes, known_routes)
        yield from _unknown((*place, "except_routes"), objective.except_routes, known_routes)
        yield from _unknown((*place, "methods"), objective.methods, methods)


def _unknown(place: _Place, words: tuple[str, ...], known: tuple[str, ...]) -> Iterator[_Mistake]:
    for index, word in enumerate(words):
        if word not in known:
            close = get_close_matches(word, known, n=1)
            fix = f"Did you mean {close[0]}" if close else f"Write one of {', '.join(known)}"
            yield (*place, index), f"{word} is served by nobody", fix


def _threshold_mistakes(objective: Objective) -> Iterator[tuple[str, str]]:
    seconds = objective.threshold_seconds
    if seconds is None:
        return
    if objective.kind == "latency" and not FASTEST <= seconds <= SLOWEST:
        reason = (
            f"threshold {seconds:g} s is outside of the buckets of {conventions.HTTP_REQUEST_DURATION.name}"
        )
        yield reason, f"Write {FASTEST * 1000:g}ms to {SLOWEST:g}s"
    if objective.kind == "freshness" and seconds not in conventions.TASK_BUCKETS:
        buckets = ", ".join(f"{bucket:g}s" for bucket in conventions.TASK_BUCKETS)
        yield (
            f"threshold {seconds:g} s is no bucket of {conventions.TASK_QUEUE_DELAY.name}",
            f"Write one of {buckets}",
        )


def _line(tree: Any, place: _Place) -> int:
    """The line of that place, or of the nearest around it that is in the file."""
    line = 1
    for step in place:
        if not isinstance(tree, CommentedBase):
            break
        try:
            line = tree.lc.data[step][0] + 1
            tree = tree[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            break
    return line


def _in_words(error: ErrorDetails) -> tuple[str, str]:
    """Reason and fix."""
    field = error["loc"][-1] if error["loc"] else "the file"
    match error["type"]:
        case "mistake":
            return error["ctx"]["reason"], error["ctx"]["fix"]
        case "missing":
            return f"{field} is missing", f"Add {field}:"
        case "extra_forbidden":
            return f"{field} is not known here", "Remove it, or correct its spelling"
        case _:
            return f"{field}: {error['msg'][0].lower()}{error['msg'][1:]}", f"Change {error['input']!r}"
