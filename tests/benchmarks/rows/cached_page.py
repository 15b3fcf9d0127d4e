"""P4 and P5: a cached page beside fastapi-cache2's own decorator, and beside a route that fetches bytes."""

import asyncio
from functools import partial

import httpx2
from starlette.types import ASGIApp

from tests.benchmarks.applications import cached_page, service
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Line, Result, at_least
from tests.benchmarks.load import Stream
from tests.benchmarks.row import Row
from tests.benchmarks.under_load import client_share, compare

_PRODUCTS = 1_000
_POOL_SIZE = 10
_ROUNDS = 9
_SECONDS = 1.5
_STREAM = Stream([cached_page.PATH], connections=16)

OURS, REDIS_ONLY = "ours", "ours, each hit from Redis"
BY_HAND, STOCK = "the hand-written route", "fastapi-cache2's @cache"


def measure(bench: Bench) -> Result:
    database, redis_url = bench.catalogue(_PRODUCTS), f"{bench.servers.redis_url}/3"
    ours = partial(service.make, database, redis_url, _POOL_SIZE)
    page = asyncio.run(_page(ours()))
    served = compare(
        bench,
        {
            OURS: ours,
            REDIS_ONLY: partial(ours, cache_local_seconds=0),
            BY_HAND: partial(cached_page.by_hand, redis_url, page),
            STOCK: partial(cached_page.by_stock_decorator, redis_url, page),
        },
        lambda _: (_STREAM,),
        rounds=_ROUNDS,
        seconds=_SECONDS,
    )
    rate = {name: comparison.rate for name, comparison in served.items()}
    return Result(
        (
            Line(f"P4: {OURS} / {STOCK}", rate[OURS].over(rate[STOCK]), "", at_least(3.0)),
            Line(f"P4: {REDIS_ONLY} / {STOCK}", rate[REDIS_ONLY].over(rate[STOCK]), "", at_least(3.0)),
            Line(f"P5: {OURS} / {BY_HAND}", rate[OURS].over(rate[BY_HAND]), "", at_least(0.9)),
            Line(f"P5: {REDIS_ONLY} / {BY_HAND}", rate[REDIS_ONLY].over(rate[BY_HAND]), "", at_least(0.9)),
            *(Line(name, figure, "requests/s") for name, figure in rate.items()),
            *(Line(f"{name}, CPU a request", each.cpu, "µs") for name, each in served.items()),
        ),
        (client_share(served),),
    )


async def _page(app: ASGIApp) -> bytes:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://bench") as client:
        answer = await client.get(cached_page.PATH)
        return answer.raise_for_status().content


ROW = Row(
    "P4-P5",
    "A hit of the cached GET /products / fastapi-cache2's @cache, and / a route that fetches the same bytes from Redis",
    f"""\
The same 50 products under uvicorn, in the same Redis, never a miss; {_STREAM.connections} keep-alive connections,
{_SECONDS} seconds of each contender in each of {_ROUNDS} rounds. Ours is the whole service, instrumented; the others
are bare applications of one route. Ours answers from memory for up to a second before it asks Redis again;
"{REDIS_ONLY}" is the same with CACHE_LOCAL_SECONDS=0, where every hit is looked up and compared in Redis.""",
    measure,
)
