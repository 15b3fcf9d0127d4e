"""Answers that are old but not known to be outdated."""

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel
from redis.asyncio import Redis

from service.errors import Unavailable
from service.infra.cache.route import cached
from tests.integration.cache.conftest import Process, StartProcess, eventually, grow_old, x_cache


class Thing(BaseModel):
    number: int


class Source:
    """Counts what is computed, and fails on demand."""

    def __init__(self) -> None:
        self.number = 0
        self.error: Exception | None = None
        self.computed = asyncio.Event()

    async def compute(self) -> Thing:
        self.computed.set()
        if self.error:
            raise self.error
        self.number += 1
        return Thing(number=self.number)


@pytest.fixture
def source() -> Source:
    return Source()


async def serve(start_process: StartProcess, source: Source, **promise: Any) -> Process:
    process = await start_process()

    @process.router.get("/thing")
    @cached(name="things", expire=60, tags=lambda _arguments, _thing: ["things:1"], **promise)
    async def get_thing() -> Thing:
        return await source.compute()

    process.app.include_router(process.router)
    return process


async def test_an_answer_expires(start_process: StartProcess, source: Source, redis: Redis) -> None:
    process = await serve(start_process, source)
    await process.get("/thing")
    await grow_old(redis, 59)
    young = await process.get("/thing")
    assert (x_cache(young), young.headers["age"]) == ("HIT", "59")
    await grow_old(redis, 1)
    assert x_cache(await process.get("/thing")) == "MISS"


async def test_a_stale_answer_is_given_while_one_process_computes_behind_it(
    start_process: StartProcess, source: Source, redis: Redis
) -> None:
    processes = [await serve(start_process, source, stale=30) for _ in range(2)]
    await processes[0].get("/thing")
    await grow_old(redis, 70)
    source.computed.clear()
    answers = await asyncio.gather(*(process.get("/thing") for process in processes * 5))
    assert {x_cache(answer) for answer in answers[:1]} == {"STALE"}
    await source.computed.wait()

    async def is_refreshed() -> bool:
        return x_cache(await processes[1].get("/thing")) == "HIT"

    await eventually(is_refreshed)
    answer = await processes[0].get("/thing")
    assert (answer.json(), answer.headers["age"]) == ({"number": 2}, "0")
    assert source.number == 2
    assert sum(process.count("requests_total", result="stale", cache="things") for process in processes) >= 1


async def test_a_stale_answer_has_its_age(start_process: StartProcess, source: Source, redis: Redis) -> None:
    process = await serve(start_process, source, stale=30)
    await process.get("/thing")
    await grow_old(redis, 70)
    stale = await process.get("/thing")
    assert (stale.json(), stale.headers["age"]) == ({"number": 1}, "70")
    assert stale.headers["cache-control"] == "public, max-age=60, stale-while-revalidate=30"
    await grow_old(redis, 31)


async def test_what_changed_is_not_given_however_stale_it_might_be(
    start_process: StartProcess, source: Source, redis: Redis
) -> None:
    process = await serve(start_process, source, stale=30, stale_if_error=600)
    await process.get("/thing")
    await grow_old(redis, 70)
    await process.caching.responses.invalidate(["things:1"])
    assert (await process.get("/thing")).json() == {"number": 2}
    await process.caching.responses.invalidate(["things:1"])
    source.error = Unavailable("away", retry_after=1)
    assert (await process.get("/thing")).status_code == 503


async def test_a_refresh_that_fails_leaves_the_stale_answer(
    start_process: StartProcess, source: Source, redis: Redis
) -> None:
    process = await serve(start_process, source, stale=30)
    await process.get("/thing")
    await grow_old(redis, 70)
    source.error = Unavailable("away", retry_after=1)
    source.computed.clear()
    assert x_cache(await process.get("/thing")) == "STALE"
    await source.computed.wait()
    assert x_cache(await process.get("/thing")) == "STALE"


async def test_an_old_answer_is_better_than_none(
    start_process: StartProcess, source: Source, redis: Redis
) -> None:
    process = await serve(start_process, source, stale=30, stale_if_error=600)
    await process.get("/thing")
    await grow_old(redis, 300)
    source.error = Unavailable("away", retry_after=1)
    old = await process.get("/thing")
    assert (old.status_code, x_cache(old), old.headers["age"]) == (200, "STALE", "300")
    answers = await asyncio.gather(*(process.get("/thing") for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    await grow_old(redis, 361)
    assert (await process.get("/thing")).status_code == 503
    source.error = None
    assert (await process.get("/thing")).json() == {"number": 2}


async def test_a_mistake_is_not_hidden_behind_an_old_answer(
    start_process: StartProcess, source: Source, redis: Redis
) -> None:
    process = await serve(start_process, source, stale_if_error=600)
    await process.get("/thing")
    await grow_old(redis, 70)
    source.error = ZeroDivisionError()
    assert (await process.get("/thing")).status_code == 500
