"""Whether the cost of instrumentation grows with the routes of an application."""

from functools import partial

from tests.benchmarks.applications import many_routes
from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import BARE, OURS
from tests.benchmarks.direct import Call, cpu_of
from tests.benchmarks.figures import Line, Result, at_most
from tests.benchmarks.row import Row

_FEW, _MANY = 10, 1_000
_ROUNDS = 21
_REQUESTS = 300


def measure(bench: Bench) -> Result:
    calls = {
        (contender, count): Call(
            partial(contender.create, partial(many_routes.application, count)), many_routes.last_path(count)
        )
        for count in (_FEW, _MANY)
        for contender in (BARE, OURS)
    }
    cpu = cpu_of(bench, calls, rounds=_ROUNDS, requests=_REQUESTS)
    few, many = (cpu[OURS, count].minus(cpu[BARE, count]) for count in (_FEW, _MANY))
    return Result(
        (
            Line(f"ours adds with {_MANY:,} routes / with {_FEW}", many.over(few), "", at_most(1.25)),
            Line(f"ours adds with {_FEW} routes", few, "µs"),
            Line(f"ours adds with {_MANY:,} routes", many, "µs"),
            Line(f"a request to bare FastAPI with {_FEW} routes", cpu[BARE, _FEW], "µs"),
            Line(f"a request to bare FastAPI with {_MANY:,} routes", cpu[BARE, _MANY], "µs"),
        )
    )


ROW = Row(
    "routes",
    f"What ours adds with {_FEW} and with {_MANY:,} routes",
    f"""\
As P1, {_REQUESTS:,} requests in each of {_ROUNDS} rounds, for the last of {_FEW} and of {_MANY:,} routes. FastAPI itself
tries one route after another; what ours adds must not depend on how many there are.""",
    measure,
)
