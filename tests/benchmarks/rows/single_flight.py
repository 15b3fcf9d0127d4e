"""P8: many who miss the same key at once."""

import asyncio
import uuid
from collections import Counter
from contextlib import AsyncExitStack
from time import perf_counter

import httpx2
from fastapi import FastAPI

from tests.benchmarks.applications import slow_computation
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Line, Result, at_most
from tests.benchmarks.row import Row

_CLIENTS = 50
_ROUNDS = 11
_COUNTED = ("in one process", "in two processes")


def measure(bench: Bench) -> Result:
    return asyncio.run(_measure(bench))


async def _measure(bench: Bench) -> Result:
    database, redis_url = bench.catalogue(1_000), f"{bench.servers.redis_url}/4"
    computed: Counter[str] = Counter()
    slowest: dict[str, list[float]] = {where: [] for where in _COUNTED}
    async with AsyncExitStack() as stack:
        apps = [slow_computation.make(database, redis_url, computed) for _ in range(2)]
        clients = [await _client(stack, app) for app in apps]
        for number in range(2 * _CLIENTS):
            await clients[number % 2].get(f"/slow/warm-{number % 2}")
        computed.clear()
        for _ in bench.rounds(_ROUNDS):
            for where, crew in zip(_COUNTED, (clients[:1], clients), strict=True):
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


async def _client(stack: AsyncExitStack, app: FastAPI) -> httpx2.AsyncClient:
    await stack.enter_async_context(app.router.lifespan_context(app))
    transport = httpx2.ASGITransport(app)
    return await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://bench"))


async def _storm(clients: list[httpx2.AsyncClient]) -> float:
    """Seconds that the slowest of all took; of so few that is what 99 % kept."""
    path = f"/slow/{uuid.uuid4().hex}"

    async def ask(client: httpx2.AsyncClient) -> float:
        began_at = perf_counter()
        (await client.get(path)).raise_for_status()
        return perf_counter() - began_at

    return max(await asyncio.gather(*(ask(clients[number % len(clients)]) for number in range(_CLIENTS))))


ROW = Row(
    "P8",
    f"{_CLIENTS} concurrent misses of one key",
    f"""\
{_CLIENTS} clients ask at once for a key that nobody has computed, which takes {slow_computation.SECONDS} s (a sleep);
{_ROUNDS} rounds with a new key each. Once all ask one cache, once half of them ask a second one that shares nothing
with it but Redis. The in-process layer is off.""",
    measure,
)
