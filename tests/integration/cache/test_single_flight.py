"""One computation for all who ask at the same time, in one process and in several."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx2
import pytest
from fastapi import HTTPException
from pydantic import BaseModel
from redis.asyncio import Redis

from service.infra.cache.lifecycle import PREFIX
from service.infra.cache.route import cached
from tests.integration.cache.conftest import Process, StartProcess, x_cache
from tests.unit.observability.server import until


class Thing(BaseModel):
    number: int


class Kitchen:
    """Computes when it is told to, and counts."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()

    async def compute(self) -> Thing:
        self.begun += 1
        number = self.begun
        await self.may_end.wait()
        return Thing(number=number)


def serve(process: Process, compute: Callable[[], Awaitable[Thing]]) -> None:
    @process.router.get("/thing")
    @cached(name="things", expire=60, tags=lambda _arguments, _thing: ["things:1"])
    async def get_thing() -> Thing:
        return await compute()

    process.app.include_router(process.router)


def ask(process: Process, times: int = 1) -> list[asyncio.Task[httpx2.Response]]:
    return [asyncio.create_task(process.get("/thing")) for _ in range(times)]


def waiting(process: Process) -> int:
    """How many requests wait for a computation of this or another process."""
    flights = process.caching.responses._flights.values()
    return sum(len(flight._landing._callbacks or ()) for flight in flights)


async def commands(redis: Redis) -> int:
    """How many have been sent on the connections that are open to this database: other tests have their own."""
    number = str(redis.connection_pool.connection_kwargs["db"])
    return sum(int(client["tot-cmds"]) for client in await redis.client_list() if client["db"] == number)


async def test_fifty_at_once_are_one_computation_and_hardly_a_look_in_redis(
    start_process: StartProcess, redis: Redis
) -> None:
    process, kitchen = await start_process(), Kitchen()
    serve(process, kitchen.compute)
    before = await commands(redis)
    asking = ask(process, 50)
    await until(lambda: waiting(process) == 49)
    sent = await commands(redis) - before
    kitchen.may_end.set()
    answers = await asyncio.gather(*asking)
    assert {answer.content for answer in answers} == {b'{"number":1}'}
    assert kitchen.begun == 1
    # Two looks and a lease, what connections say at their start, and what we ask here.
    assert 0 < sent < 25
    assert process.count("coalesced_total", cache="things") == 49
    assert process.count("requests_total", result="miss", cache="things") == 50


async def test_two_processes_compute_once(start_process: StartProcess, redis: Redis) -> None:
    one, other, kitchen = await start_process(), await start_process(), Kitchen()
    for process in (one, other):
        serve(process, kitchen.compute)
    asking = ask(one, 10)
    await until(lambda: kitchen.begun)
    asking += ask(other, 10)
    await until(lambda: (waiting(one), waiting(other)) == (9, 9))
    kitchen.may_end.set()
    answers = await asyncio.gather(*asking)
    assert {answer.content for answer in answers} == {b'{"number":1}'}
    assert kitchen.begun == 1
    assert other.count("coalesced_total", cache="things") == 10
    assert not [key async for key in redis.scan_iter(f"{PREFIX}:lease:*")]


async def test_when_a_computation_fails_the_others_compute_themselves(start_process: StartProcess) -> None:
    process, kitchen = await start_process(), Kitchen()

    async def fail_first() -> Thing:
        thing = await kitchen.compute()
        if thing.number == 1:
            raise HTTPException(404)
        return thing

    serve(process, fail_first)
    asking = ask(process, 5)
    await until(lambda: kitchen.begun)
    kitchen.may_end.set()
    statuses = sorted([answer.status_code for answer in await asyncio.gather(*asking)])
    assert statuses == [200, 200, 200, 200, 404]


async def test_a_failed_computation_lets_other_processes_compute_at_once(
    start_process: StartProcess, redis: Redis
) -> None:
    process = await start_process()

    async def fail() -> Thing:
        raise HTTPException(404)

    serve(process, fail)
    assert (await process.get("/thing")).status_code == 404
    assert not [key async for key in redis.scan_iter(f"{PREFIX}:lease:*")]


async def test_when_the_one_who_computes_is_cancelled_the_others_go_on(start_process: StartProcess) -> None:
    process, kitchen = await start_process(), Kitchen()
    serve(process, kitchen.compute)
    (first,) = ask(process)
    await until(lambda: kitchen.begun)
    others = ask(process, 5)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    kitchen.may_end.set()
    assert {answer.status_code for answer in await asyncio.gather(*others)} == {200}
    assert not process.caching.responses._flights


async def test_a_process_that_dies_while_it_computes_is_waited_for_no_longer_than_its_lease(
    start_process: StartProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.infra.cache.shared.LEASE_SECONDS", 0.2)
    dead, alive = await start_process(), await start_process()
    forever, kitchen = Kitchen(), Kitchen()
    serve(dead, forever.compute)
    serve(alive, kitchen.compute)
    asking = ask(dead)
    await until(lambda: forever.begun)
    kitchen.may_end.set()
    answers = await asyncio.gather(*ask(alive, 5))
    assert {answer.content for answer in answers} == {b'{"number":1}'}
    assert kitchen.begun == 1
    asking[0].cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_nobody_waits_longer_than_is_bearable(
    start_process: StartProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.infra.cache.cache.LEASE_SECONDS", 0.2)
    slow, other = await start_process(), await start_process()
    forever, kitchen = Kitchen(), Kitchen()
    serve(slow, forever.compute)
    serve(other, kitchen.compute)
    asking = ask(slow)
    await until(lambda: forever.begun)
    kitchen.may_end.set()
    assert [answer.status_code for answer in await asyncio.gather(*ask(other))] == [200]
    forever.may_end.set()
    await asyncio.gather(*asking)


async def test_who_asks_after_a_change_is_not_told_what_was_computed_before(
    start_process: StartProcess,
) -> None:
    one, other, kitchen = await start_process(), await start_process(), Kitchen()
    for process in (one, other):
        serve(process, kitchen.compute)
    first = ask(one)
    await until(lambda: kitchen.begun)
    assert await other.caching.responses.invalidate(["things:1"])
    later = ask(one, 3) + ask(other, 3)
    await until(lambda: (waiting(one), waiting(other)) == (3, 2))
    kitchen.may_end.set()
    assert (await first[0]).json() == {"number": 1}
    assert {answer.content for answer in await asyncio.gather(*later)} == {b'{"number":2}'}
    assert kitchen.begun == 2
    assert (await one.get("/thing")).json() == {"number": 2}


async def test_without_redis_who_asks_later_is_not_told_what_was_read_before(
    start_process: StartProcess,
) -> None:
    process, kitchen = await start_process(redis_url="redis://127.0.0.1:1/0"), Kitchen()
    serve(process, kitchen.compute)
    first = ask(process)
    await until(lambda: kitchen.begun)
    later = ask(process, 5)
    await asyncio.wait(later, timeout=0.01)
    kitchen.may_end.set()
    assert (await first[0]).json() == {"number": 1}
    assert all(answer.json()["number"] > 1 for answer in await asyncio.gather(*later))


async def test_an_answer_is_as_old_as_what_it_was_computed_from(
    start_process: StartProcess, redis: Redis
) -> None:
    process = await start_process()

    async def compute() -> Thing:
        await asyncio.sleep(0.05)
        return Thing(number=1)

    serve(process, compute)
    await process.get("/thing")
    keys = [key async for key in redis.scan_iter(f"{PREFIX}:entry:*")]
    assert [await redis.pttl(key) <= 60_000 - 50 for key in keys] == [True]


async def test_a_computation_that_was_outdated_before_it_ended_is_not_kept(
    start_process: StartProcess,
) -> None:
    process, kitchen = await start_process(cache_local_seconds=60.0), Kitchen()
    serve(process, kitchen.compute)
    first = ask(process)
    await until(lambda: kitchen.begun)
    assert await process.caching.responses.invalidate(["things:1"])
    kitchen.may_end.set()
    await asyncio.gather(*first)
    again = await process.get("/thing")
    assert (x_cache(again), again.json()) == ("MISS", {"number": 2})
    assert x_cache(await process.get("/thing")) == "HIT"
