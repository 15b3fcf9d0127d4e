"""P2: what instrumentation adds to a request with one database query and one Redis command."""

from functools import partial

from tests.benchmarks.applications import query_and_command
from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import BARE, CONTRIB_1, CONTRIB_100, NATIVE_AND_CONTRIB_100, OURS, OURS_100
from tests.benchmarks.direct import Call, cpu_of
from tests.benchmarks.figures import Line, Result, at_most
from tests.benchmarks.row import Row

_PROCESSES = 8
_ROUNDS = 4
_REQUESTS = 300


def measure(bench: Bench) -> Result:
    servers = bench.servers
    application = partial(query_and_command.application, servers.admin_url, f"{servers.redis_url}/0")
    calls = {
        contender: Call(partial(contender.create, application), query_and_command.PATH)
        for contender in (BARE, OURS, OURS_100, CONTRIB_1, CONTRIB_100, NATIVE_AND_CONTRIB_100)
    }
    figures = cpu_of(bench, calls, rounds=_ROUNDS, requests=_REQUESTS, processes=_PROCESSES)
    bare = figures.pop(BARE)
    added = {contender: figure.minus(bare) for contender, figure in figures.items()}
    return Result(
        (
            Line("ours adds", added[OURS], "µs", at_most(25)),
            Line("ours adds / contrib at 1 % adds", added[OURS].over(added[CONTRIB_1]), "", at_most(1 / 8)),
            Line(
                "ours, 100 % adds / FastAPI native traces and contrib, 100 % add",
                added[OURS_100].over(added[NATIVE_AND_CONTRIB_100]),
                "",
                at_most(1),
            ),
            Line("a request to bare FastAPI", bare, "µs"),
            *(Line(f"{each.name} adds", figure, "µs") for each, figure in added.items() if each != OURS),
        )
    )


ROW = Row(
    "P2",
    "CPU that instrumentation adds to a request with one query and one Redis command",
    f"""\
As P1, {_REQUESTS:,} requests in each of {_ROUNDS} rounds in each of {_PROCESSES} processes, one after the other: how
its memory lies makes one process slower than another by as much as is measured here. The route runs one `SELECT` through
SQLAlchemy Core on asyncpg (AUTOCOMMIT) and one `GET` through redis.asyncio, on real servers. Contrib is its FastAPI, asyncpg and redis
instrumentations: its SQLAlchemy one refuses SQLAlchemy 2.1. FastAPI's native traces are those of requests alone, without
spans of its operations, and add no metrics, which ours does. The target in microseconds means a machine on which a
request to bare FastAPI takes 61 µs (P1): on a slower one, compare the ratio.""",
    measure,
)
