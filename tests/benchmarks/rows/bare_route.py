"""P1: what instrumentation adds to a route that does nothing else."""

from functools import partial

from tests.benchmarks.applications import small_model
from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import (
    ARTICLE_TIMER,
    BARE,
    CONTRIB_1,
    CONTRIB_100,
    INSTRUMENTATOR,
    INSTRUMENTATOR_AND_CONTRIB,
    NATIVE_METRICS,
    NATIVE_TRACES_1,
    NATIVE_TRACES_100,
    OBSERVER,
    OURS,
    OURS_100,
    STARLETTE_EXPORTER,
)
from tests.benchmarks.direct import Call, cpu_of
from tests.benchmarks.figures import Line, Result, at_most
from tests.benchmarks.row import Row

_CONTENDERS = (
    BARE,
    OURS,
    OURS_100,
    NATIVE_METRICS,
    NATIVE_TRACES_1,
    NATIVE_TRACES_100,
    INSTRUMENTATOR,
    ARTICLE_TIMER,
    STARLETTE_EXPORTER,
    CONTRIB_1,
    CONTRIB_100,
    INSTRUMENTATOR_AND_CONTRIB,
    OBSERVER,
)
_PROCESSES = 4
_ROUNDS = 4
_REQUESTS = 1_000


def measure(bench: Bench) -> Result:
    calls = {
        contender: Call(partial(contender.create, small_model.application), small_model.PATH)
        for contender in _CONTENDERS
    }
    figures = cpu_of(bench, calls, rounds=_ROUNDS, requests=_REQUESTS, processes=_PROCESSES)
    bare = figures.pop(BARE)
    added = {contender: figure.minus(bare) for contender, figure in figures.items()}
    ours = added[OURS]
    return Result(
        (
            Line(
                "ours adds / prometheus-fastapi-instrumentator adds",
                ours.over(added[INSTRUMENTATOR]),
                "",
                at_most(0.25),
            ),
            Line(
                "ours adds / instrumentator and contrib at 1 % add",
                ours.over(added[INSTRUMENTATOR_AND_CONTRIB]),
                "",
                at_most(0.1),
            ),
            Line("a request to bare FastAPI", bare, "µs"),
            *(Line(f"{contender.name} adds", figure, "µs") for contender, figure in added.items()),
        )
    )


ROW = Row(
    "P1",
    "CPU that instrumentation adds to a bare route",
    f"""\
One FastAPI route that returns a small pydantic model is called directly, without a server, {_REQUESTS:,} times in a
row by each contender in each of {_ROUNDS} rounds in each of {_PROCESSES} processes, one after the other: how its memory lies makes one
process slower than another. The figure is the process's CPU time (all threads) a request, and
what a contender adds is its figure less that of bare FastAPI in the same round. Contenders are set up as their
documentation says; traces go through the SDK's batch processor to an exporter that discards them.""",
    measure,
)
