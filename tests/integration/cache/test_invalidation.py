"""A write is seen by every reader, and by no reader who has no need to."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import delete, select

from observability.testing import recorded
from service.infra import cursors
from service.infra.cache.backend import TaggedBackend
from service.infra.cache.entries import Entry
from service.infra.cache.invalidations import Invalidations
from service.infra.cache.lifecycle import PREFIX
from service.infra.cache.local import LocalLayer
from service.infra.cache.models import InvalidationRecord
from service.infra.cache.stored import StoredResponse
from service.infra.database import Database
from service.infra.tasks import Tasks
from service.infra.tokens import Scope
from service.settings import Settings
from tests.integration.cache.conftest import Process, StartProcess, eventually, x_cache
from tests.integration.conftest import Api
from tests.unit.observability.server import until

Apis = tuple[Api, Api]


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings)
    yield database
    await database.close()


@pytest.fixture
async def backend(redis: Redis) -> TaggedBackend:
    return TaggedBackend(redis, prefix="test")


async def nothing_waits(database: Database) -> bool:
    """Whether Redis has heard of all invalidations."""
    return await database.fetch_one(select(InvalidationRecord.id), {}) is None


async def change(api: Api, product_id: int, **fields: Any) -> None:
    answer = await api.client.patch(
        f"/products/{product_id}", json=fields, headers=api.headers(Scope.CATALOGUE_WRITE)
    )
    assert answer.status_code == 200, answer.text


async def warm(api: Api, *paths: str) -> None:
    for path in paths:
        await api.client.get(path)
        assert x_cache(await api.client.get(path)) == "HIT"


async def fate(api: Api, *paths: str) -> list[str]:
    """What has become of each answer, for a reader on this process."""
    return [x_cache(await api.client.get(path)) for path in paths]


async def test_a_change_is_seen_by_every_process_at_once(apis: Apis) -> None:
    writer, reader = apis
    product = await writer.create_product()
    path = f"/products/{product['id']}"
    await warm(reader, path)
    for price in ("1.00", "2.00", "3.00"):
        await change(writer, product["id"], price=price)
        for api in (reader, writer):
            assert (await api.client.get(path)).json()["price"] == price


async def test_a_deleted_product_is_gone_everywhere(apis: Apis) -> None:
    writer, reader = apis
    product = await writer.create_product()
    path = f"/products/{product['id']}"
    await warm(reader, path)
    await writer.client.delete(path, headers=writer.headers(Scope.CATALOGUE_WRITE))
    assert [(await api.client.get(path)).status_code for api in apis] == [404, 404]


async def test_a_change_outdates_the_pages_that_show_the_product_and_no_others(apis: Apis) -> None:
    writer, reader = apis
    first = await writer.create_product(category="kitchen", name="Oak board", price="10.00")
    products = [first, *[await writer.create_product(category="garden", name="Rake") for _ in range(8)]]
    ids = [product["id"] for product in products]
    after = reader.client.get
    page_one = f"/products?limit=3&cursor={cursor_before(ids[0])}"
    page_two = f"/products?limit=3&cursor={(await after(page_one)).json()['next_cursor']}"
    kitchen = f"/products?category=kitchen&cursor={cursor_before(ids[0])}"
    garden = f"/products?category=garden&limit=3&cursor={cursor_before(ids[0])}"
    oak = f"/products?q=oak&cursor={cursor_before(ids[0])}"
    rakes = f"/products?q=rake&cursor={cursor_before(ids[0])}"
    one, another = f"/products/{ids[0]}", f"/products/{ids[1]}"
    paths = (page_one, page_two, kitchen, garden, oak, rakes, one, another)
    await warm(reader, *paths)
    await change(writer, ids[0], price="11.00")
    assert await fate(reader, *paths) == ["MISS", "HIT", "MISS", "HIT", "MISS", "HIT", "MISS", "HIT"]
    await change(writer, ids[7], price="11.00")
    assert await fate(reader, page_one, page_two, kitchen, garden, oak, one) == ["HIT"] * 6


async def test_a_new_product_outdates_only_pages_that_are_open_to_it(apis: Apis) -> None:
    writer, reader = apis
    products = [await writer.create_product(category="lamps") for _ in range(4)]
    start = cursor_before(products[0]["id"])
    full = f"/products?limit=2&cursor={start}"
    last = f"/products?limit=100&cursor={start}"
    lamps = f"/products?category=lamps&cursor={start}"
    chairs = f"/products?category=chairs&cursor={start}"
    await warm(reader, full, last, lamps, chairs)
    created = await writer.create_product(category="lamps")
    assert await fate(reader, full, last, lamps, chairs) == ["HIT", "MISS", "MISS", "HIT"]
    shown = (await reader.client.get(lamps)).json()["products"]
    assert [product["id"] for product in shown] == [*[p["id"] for p in products], created["id"]]


async def test_a_product_that_moves_to_another_category_leaves_one_page_and_enters_the_other(
    apis: Apis,
) -> None:
    writer, reader = apis
    product = await writer.create_product(category="attic")
    start = cursor_before(product["id"])
    attic, cellar = (f"/products?category={name}&cursor={start}" for name in ("attic", "cellar"))
    cheap_cellar = f"{cellar}&max_price=100"
    await warm(reader, attic, cellar, cheap_cellar)
    await change(writer, product["id"], category="cellar")
    shown = [
        len((await reader.client.get(path)).json()["products"]) for path in (attic, cellar, cheap_cellar)
    ]
    assert shown == [0, 1, 1]


async def test_a_write_that_is_refused_outdates_nothing(apis: Apis) -> None:
    writer, reader = apis
    product = await writer.create_product()
    path = f"/products/{product['id']}"
    await warm(reader, path)
    refused = await writer.client.patch(
        path, json={"price": "1"}, headers={**writer.headers(Scope.CATALOGUE_WRITE), "If-Match": '"99"'}
    )
    assert refused.status_code == 412
    assert await fate(reader, path) == ["HIT"]


async def test_writes_are_counted_as_invalidations(apis: Apis) -> None:
    writer, _ = apis
    registry = writer.app.state.telemetry.registry
    product = await writer.create_product()
    await change(writer, product["id"], price="1.00")
    counted = [
        recorded(registry, "cache_invalidations_total", cache=name) for name in ("product", "products")
    ]
    assert counted == [2, 2]


async def test_delivered_invalidations_leave_nothing_behind(apis: Apis, database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(delete(InvalidationRecord))
    await apis[0].create_product()
    await eventually(lambda: nothing_waits(database))


async def test_an_invalidation_whose_process_died_is_delivered_by_another(
    start_process: StartProcess, database: Database, redis: Redis
) -> None:
    await start_process()
    tagged = TaggedBackend(redis, prefix=PREFIX)
    await tagged.fill("key", b"old", ["things:1"], life=60_000)
    async with database.transaction() as session:
        session.add(InvalidationRecord(tags=["things:1"]))
    await eventually(lambda: nothing_waits(database))
    assert await tagged.get("key") is None


async def test_before_the_migrations_there_is_nothing_to_deliver(
    settings: Settings, empty_database_url: str
) -> None:
    async def refuse(_tags: Collection[str]) -> bool:
        return False

    database = Database(Settings(**{**settings.model_dump(), "database_url": empty_database_url}))
    try:
        assert await Invalidations(database, refuse, Tasks()).drain()
    finally:
        await database.close()


async def test_memory_is_emptied_by_what_other_processes_write(start_process: StartProcess) -> None:
    reader = await start_process(cache_local_seconds=60.0)
    writer = await start_process()
    local = reader.caching._local
    await eventually(lambda: is_heard(writer, local))
    entry = Entry(StoredResponse(200, ((b"etag", b'"1"'),), b""), 0.0)
    local.put("a", entry, ["things:1"], expires_at=float("inf"), generation=local.generation)
    local.put("b", entry, ["things:2"], expires_at=float("inf"), generation=local.generation)
    assert await writer.caching.responses.invalidate(["things:1"])
    await until(lambda: local.get("a") is None)
    assert local.get("b")


async def test_a_fill_that_began_before_a_change_does_not_hold(backend: TaggedBackend) -> None:
    count = (await backend.look_up("key")).count
    await backend.invalidate(["red"])
    assert not await backend.fill("key", b"old", ["red"], life=1000, count=count)
    assert await backend.get("key") is None
    assert await backend.fill("key", b"blue", ["blue"], life=1000, count=count)
    assert await backend.get("key") == b"blue"


async def test_an_entry_holds_until_one_of_its_tags_is_invalidated(backend: TaggedBackend) -> None:
    await backend.fill("key", b"value", ["red", "round"], life=1000)
    await backend.invalidate(["blue", "square"])
    assert await backend.get("key") == b"value"
    await backend.invalidate(["blue", "round"])
    assert await backend.get("key") is None


async def test_when_the_journal_is_lost_no_entry_from_before_holds(
    backend: TaggedBackend, redis: Redis
) -> None:
    await backend.fill("key", b"old", ["red"], life=60_000)
    count = (await backend.look_up("key")).count
    await backend.invalidate(["red"])
    await redis.delete("test:journal")
    assert await backend.get("key") is None
    assert not await backend.fill("key", b"old", ["red"], life=1000, count=count)
    assert await backend.fill("key", b"new", ["red"], life=1000)
    assert await backend.get("key") == b"new"


async def test_a_journal_that_forgot_what_it_had_counted_vouches_for_nothing(
    backend: TaggedBackend, redis: Redis
) -> None:
    await backend.fill("key", b"old", ["red"], life=60_000)
    count = (await backend.look_up("key")).count
    await redis.zadd("test:journal", {"+now": count - 10, "+floor": count - 10})
    assert await backend.get("key") is None


async def test_what_the_journal_has_no_room_for_does_not_hold(
    backend: TaggedBackend, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.infra.cache.backend.JOURNAL_LENGTH", 10)
    await backend.fill("old", b"old", ["red"], life=60_000)
    await backend.invalidate(["red"])
    await backend.fill("young", b"young", ["green"], life=60_000)
    for number in range(8):
        await backend.invalidate([f"other {number}"])
    assert await backend.get("young") == b"young"
    for number in range(40):
        await backend.invalidate([f"more {number}"])
        assert await redis.zcard("test:journal") <= 11
    assert await backend.get("old") is None
    assert await backend.get("young") is None
    assert await backend.fill("young", b"young", ["green"], life=1000)
    assert await backend.get("young") == b"young"


async def test_many_tags_are_one_invalidation(backend: TaggedBackend) -> None:
    await backend.fill("key", b"value", ["tag 19999"], life=60_000)
    await backend.invalidate(f"tag {number}" for number in range(20_000))
    assert await backend.get("key") is None


async def test_an_entry_of_a_hundred_tags_holds(backend: TaggedBackend) -> None:
    await backend.fill("key", b"value", [f"tag {number}" for number in range(200)], life=60_000)
    assert await backend.get("key") == b"value"
    await backend.invalidate(["tag 199"])
    assert await backend.get("key") is None


def cursor_before(product_id: int) -> str:
    return cursors.encode(product_id - 1)


async def is_heard(writer: Process, local: LocalLayer) -> bool:
    """Whether the other process listens by now."""
    before = local.generation
    await writer.caching.responses.invalidate(["nothing"])
    await asyncio.sleep(0.01)
    return local.generation > before
