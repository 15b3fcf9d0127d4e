"""Whether the cost of instrumentation grows with the routes of an application."""

from functools import partial

from tests.benchmarks.applications import many_routes
from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import BARE, OURS, Contender
from tests.benchmarks.direct import Call, cpu_of
from tests.benchmarks.figures import Line, Result, at_most
from tests.benchmarks.row import Row

_FEW, _MANY = 10, 1_000
_ROUNDS = 15
_REQUESTS = 400

# How many routes there are, and which of them is asked for.
_Case = tuple[int, int]
_SHORT: _Case = (_FEW, _FEW)
_LONG: _Case = (_MANY, _FEW)
_LONG_LAST: _Case = (_MANY, _MANY)
_CASES = {
    _SHORT: f"the last of {_FEW} routes",
    _LONG: f"the {_FEW}th of {_MANY:,}",
    _LONG_LAST: f"the last of {_MANY:,}",
}


def measure(bench: Bench) -> Result:
    cpu = cpu_of(
        bench,
        {(contender, case): _call(contender, *case) for case in _CASES for contender in (BARE, OURS)},
        rounds=_ROUNDS,
        requests=_REQUESTS,
    )
    added = {case: cpu[OURS, case].minus(cpu[BARE, case]) for case in _CASES}
    return Result(
        (
            Line(
                f"ours adds to {_CASES[_LONG]} / to {_CASES[_SHORT]}",
                added[_LONG].over(added[_SHORT]),
                "",
                at_most(1.25),
            ),
            *(Line(f"ours adds to {name}", added[case], "µs") for case, name in _CASES.items()),
            *(Line(f"bare FastAPI, {name}", cpu[BARE, case], "µs") for case, name in _CASES.items()),
        )
    )


def _call(contender: Contender, count: int, asked: int) -> Call:
    return Call(
        partial(contender.create, partial(many_routes.application, count)), many_routes.path_of(asked)
    )


ROW = Row(
    "routes",
    f"What ours adds with {_FEW} and with {_MANY:,} routes",
    f"""\
As P1, {_REQUESTS:,} requests in each of {_ROUNDS} rounds, for a route that is the tenth of {_FEW} and of {_MANY:,}. FastAPI
tries one route after another, so the last of {_MANY:,} takes it milliseconds, beside which what ours adds can hardly be
told from noise: it is shown, because matching a route twice would double it.""",
    measure,
)
