"""Without Redis the service is slower, never wrong and never down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from time import perf_counter
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from observability.testing import recorded
from service.infra.tokens import Scope
from service.settings import Settings
from tests.faults.conftest import FragileValkey
from tests.integration.cache.conftest import eventually
from tests.integration.conftest import Api, serving
from tests.unit.observability.server import until

Start = Callable[..., Any]

BUDGET = 0.1
READS = 20


@pytest.fixture
async def start(fragile: Settings) -> AsyncIterator[Start]:
    """Starts processes of the service in front of the Valkey that may be hurt."""
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Api:
            chosen = fragile.model_copy(update={"cache_local_seconds": 0.0, **options})
            return await stack.enter_async_context(serving(chosen))

        yield start


async def read(api: Api, path: str) -> httpx2.Response:
    answer = await api.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer


async def price(api: Api, path: str) -> str:
    found: str = (await read(api, path)).json()["price"]
    return found


async def change(api: Api, path: str, price: str) -> None:
    answer = await api.client.patch(path, json={"price": price}, headers=api.headers(Scope.CATALOGUE_WRITE))
    assert answer.status_code == 200, answer.text


async def warm_product(api: Api) -> str:
    path = f"/products/{(await api.create_product(price='1.00'))['id']}"
    await read(api, path)
    await until_hit(api, path)
    return path


async def until_hit(api: Api, path: str) -> None:
    async def is_hit() -> bool:
        return (await read(api, path)).headers["x-cache"] == "HIT"

    await eventually(is_hit)


def lookups(api: Api, result: str) -> float:
    return (
        recorded(api.app.state.telemetry.registry, "cache_requests_total", cache="product", result=result)
        or 0
    )


def breaker_is_open(api: Api) -> bool:
    found = recorded(api.app.state.telemetry.registry, "cache_breaker_open", cache="product")
    return found == 1


def hurt(valkey: FragileValkey, how: str) -> None:
    (valkey.kill if how == "killed" else valkey.freeze)()


def heal(valkey: FragileValkey, how: str) -> None:
    (valkey.start if how == "killed" else valkey.thaw)()


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_redis_away_is_paid_for_once_and_hits_resume_by_themselves(
    start: Start, valkey: FragileValkey, how: str
) -> None:
    api = await start()
    path = await warm_product(api)
    hurt(valkey, how)
    began_at = perf_counter()
    for _ in range(READS):
        await read(api, path)
    assert perf_counter() - began_at < READS * BUDGET / 2
    assert lookups(api, "error") <= 1
    assert lookups(api, "bypass") >= READS - 1
    assert breaker_is_open(api)
    heal(valkey, how)
    await until_hit(api, path)
    assert not breaker_is_open(api)


async def test_a_crowd_of_requests_that_meets_a_frozen_redis_waits_no_longer_than_one(
    start: Start, valkey: FragileValkey
) -> None:
    api = await start()
    path = await warm_product(api)
    valkey.freeze()
    began_at = perf_counter()
    await asyncio.gather(*(read(api, path) for _ in range(50)))
    assert perf_counter() - began_at < 20 * BUDGET
    valkey.thaw()


async def test_a_process_that_starts_without_redis_serves(start: Start, valkey: FragileValkey) -> None:
    valkey.kill()
    api = await start()
    product = await api.create_product()
    await read(api, f"/products/{product['id']}")
    await read(api, "/products")
    valkey.start()
    await until_hit(api, "/products")


@pytest.mark.parametrize("local_seconds", [0.0, 1.0])
async def test_what_is_written_while_redis_is_frozen_is_what_is_read_when_it_is_back(
    start: Start, valkey: FragileValkey, local_seconds: float
) -> None:
    writer, reader = await start(), await start(cache_local_seconds=local_seconds)
    first, path = await warm_product(writer), await warm_product(writer)
    await until_hit(reader, path)
    valkey.freeze()
    # The first is on its way to Redis when nobody listens any more; of the second Redis is not told at all.
    await change(writer, first, "2.00")
    await change(writer, path, "2.00")
    assert await price(writer, path) == "2.00"
    await asyncio.sleep(local_seconds)
    assert await price(reader, path) == "2.00"
    valkey.thaw()

    async def is_back() -> bool:
        assert await price(reader, path) == "2.00"
        return not breaker_is_open(reader)

    await eventually(is_back)
    assert await price(reader, path) == "2.00"
    await until_hit(reader, path)
    assert await price(reader, path) == "2.00"


async def test_a_process_without_requests_notices_too_before_it_reads_what_is_outdated(
    start: Start, valkey: FragileValkey
) -> None:
    writer, idle = await start(), await start()
    first, path = await warm_product(writer), await warm_product(writer)
    await until_hit(idle, path)
    valkey.freeze()
    await change(writer, first, "2.00")
    await change(writer, path, "2.00")
    await until(lambda: breaker_is_open(idle))
    valkey.thaw()
    for _ in range(20):
        assert await price(idle, path) == "2.00"


async def test_a_restarted_redis_knows_nothing_that_is_outdated(start: Start, valkey: FragileValkey) -> None:
    writer, reader = await start(), await start()
    path = await warm_product(writer)
    for new_price in ("2.00", "3.00"):
        valkey.kill()
        await change(writer, path, new_price)
        valkey.start()
        await until_hit(reader, path)
        assert await price(reader, path) == new_price
        await change(writer, path, new_price.replace("00", "50"))
        assert await price(reader, path) == new_price.replace("00", "50")
        await until_hit(writer, path)


async def test_a_full_redis_is_as_good_as_none(start: Start, valkey: FragileValkey) -> None:
    api = await start()
    path = await warm_product(api)
    client = Redis.from_url(valkey.url)
    await client.config_set("maxmemory-policy", "noeviction")
    await client.config_set("maxmemory", "1")
    for number in range(2, 6):
        await change(api, path, f"{number}.00")
        assert await price(api, path) == f"{number}.00"
    await client.config_set("maxmemory", "0")
    await until_hit(api, path)
    assert await price(api, path) == "5.00"
    await client.aclose()


async def test_the_memory_of_the_process_stands_in_for_redis(start: Start, valkey: FragileValkey) -> None:
    api = await start(cache_local_seconds=60.0)
    path = await warm_product(api)
    valkey.kill()
    await change(api, path, "2.00")
    assert await price(api, path) == "2.00"
    again = await read(api, path)
    assert (again.headers["x-cache"], again.json()["price"]) == ("HIT", "2.00")
