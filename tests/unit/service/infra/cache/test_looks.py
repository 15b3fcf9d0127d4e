"""Who shares a look in Redis with whom."""

import asyncio
from time import monotonic

import pytest

from service.infra.cache.entries import Entry, Hit, Miss
from service.infra.cache.looks import Found, SharedLooks
from service.infra.cache.stored import StoredResponse

ENTRY = Entry(StoredResponse(200, ((b"etag", b'"1"'),), b""), monotonic())


class Redis:
    """Finds something new each time, when it is told to."""

    def __init__(self) -> None:
        self.looks = 0
        self.pending: list[asyncio.Event] = []

    async def seek(self) -> Found:
        self.looks += 1
        miss = Miss("key", float(self.looks), 0, "miss", count=1, lease=f"lease {self.looks}")
        self.pending.append(asyncio.Event())
        await self.pending[-1].wait()
        return miss


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def look(looks: SharedLooks, redis: Redis, key: str = "key") -> asyncio.Task[Found]:
    return asyncio.create_task(looks.look(key, redis.seek))


async def test_those_who_ask_during_a_look_share_the_next_one() -> None:
    looks, redis = SharedLooks(), Redis()
    first = look(looks, redis)
    await turns()
    others = [look(looks, redis) for _ in range(5)]
    await turns()
    assert redis.looks == 1
    redis.pending[0].set()
    await turns()
    assert first.done()
    assert redis.looks == 2
    redis.pending[1].set()
    found = await asyncio.gather(*others)
    assert {miss.began_at for miss in found if isinstance(miss, Miss)} == {2.0}
    assert redis.looks == 2


async def test_one_of_them_has_the_lease() -> None:
    looks, redis = SharedLooks(), Redis()
    asking = [look(looks, redis) for _ in range(4)]
    await turns()
    redis.pending[0].set()
    await turns()
    redis.pending[1].set()
    found = await asyncio.gather(*asking)
    leases = sorted(miss.lease for miss in found if isinstance(miss, Miss))
    assert leases == ["", "", "lease 1", "lease 2"]


async def test_one_of_them_refreshes_what_is_stale() -> None:
    looks, may_end = SharedLooks(), asyncio.Event()
    refresh = Miss("key", 0.0, 0, "miss", lease="lease")

    async def seek() -> Found:
        await may_end.wait()
        await asyncio.sleep(0)
        return Hit(ENTRY, "stale", refresh)

    asking = [asyncio.create_task(looks.look("key", seek)) for _ in range(4)]
    await turns()
    may_end.set()
    found = await asyncio.gather(*asking)
    assert [hit.refresh is not None for hit in found if isinstance(hit, Hit)].count(True) == 2


async def test_when_the_one_who_looks_is_cancelled_another_looks() -> None:
    looks, redis = SharedLooks(), Redis()
    first, other = look(looks, redis), look(looks, redis)
    await turns()
    first.cancel()
    await turns()
    redis.pending[1].set()
    assert isinstance(await other, Miss)
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_one_who_waits_can_leave() -> None:
    looks, redis = SharedLooks(), Redis()
    first, leaving, staying = (look(looks, redis) for _ in range(3))
    await turns()
    leaving.cancel()
    redis.pending[0].set()
    await turns()
    redis.pending[1].set()
    await asyncio.gather(first, staying)
    assert redis.looks == 2
    assert not looks._under_way
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_keys_do_not_wait_for_each_other() -> None:
    looks, redis = SharedLooks(), Redis()
    asking = [look(looks, redis, key) for key in ("a", "b")]
    await turns()
    assert redis.looks == 2
    for event in redis.pending:
        event.set()
    await asyncio.gather(*asking)
