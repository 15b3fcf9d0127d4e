"""P8: many who miss the same key at once."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from http import HTTPStatus
from time import perf_counter

from fastapi import FastAPI

from tests.benchmarks.applications import slow_computation
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Line, Result, at_most
from tests.benchmarks.in_process import Cycle, request_scope
from tests.benchmarks.row import Row

_CLIENTS = 50
_ROUNDS = 7
_COUNTED = ("in one process", "in two processes")


def measure(bench: Bench) -> Result:
    database, redis_url = bench.catalogue(1_000), f"{bench.servers.redis_url}/4"
    return asyncio.run(_measure(bench, database, redis_url))


async def _measure(bench: Bench, database: str, redis_url: str) -> Result:
    computed: Counter[str] = Counter()
    slowest: dict[str, list[float]] = {where: [] for where in _COUNTED}
    async with AsyncExitStack() as stack:
        apps = [slow_computation.make(database, redis_url, computed) for _ in range(2)]
        for app in apps:
            await stack.enter_async_context(app.router.lifespan_context(app))
        await _storm(apps)
        computed.clear()
        for _ in bench.rounds(_ROUNDS):
            for where, crew in zip(_COUNTED, (apps[:1], apps), strict=True):
                slowest[where].append(await _storm(crew))
    return Result(
        (
            *(
                Line(
                    f"{where}: p99 of {_CLIENTS} / the computation",
                    Figure(tuple(seconds / slow_computation.SECONDS for seconds in slowest[where])),
                    "",
                    at_most(1.2),
                )
                for where in _COUNTED
            ),
            Line("computations a storm", Figure(tuple(map(float, computed.values()))), "", at_most(1.0)),
        )
    )


async def _storm(apps: Sequence[FastAPI]) -> float:
    """Seconds that the slowest of all took; of so few that is what 99 % kept."""
    path = f"/slow/{uuid.uuid4().hex}"
    began_at = perf_counter()

    async def ask(app: FastAPI) -> float:
        cycle = Cycle()
        await app(request_scope(path), cycle.receive, cycle.send)
        if cycle.status != HTTPStatus.OK:
            msg = f"{path} answered {cycle.status}"
            raise RuntimeError(msg)
        return perf_counter() - began_at

    return max(await asyncio.gather(*(ask(apps[number % len(apps)]) for number in range(_CLIENTS))))


ROW = Row(
    "P8",
    f"{_CLIENTS} concurrent misses of one key",
    f"""\
{_CLIENTS} requests, made without a server, ask at once for a key that nobody has computed, which takes {slow_computation.SECONDS} s (a sleep);
{_ROUNDS} rounds with a new key each. All of it is timed from the first request. Once all ask one cache, once half of them ask a second one that shares nothing
with it but Redis. The in-process layer is off.""",
    measure,
)
