"""A request with an Idempotency-Key has its effect once, however often it is sent."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from httpx2 import Response
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.conftest import Api
from tests.integration.problems import problem

KEY = "Idempotency-Key"


@pytest.fixture(scope="module")
async def users(api: Api) -> list[int]:
    """The ids of two accounts."""
    answers = [
        await api.client.post(
            "/register", json={"email": f"{name}@example.com", "password": "long passphrase", "name": name}
        )
        for name in ("ada", "bob")
    ]
    return [answer.json()["id"] for answer in answers]


@pytest.fixture
async def item_id(api: Api) -> int:
    product = await api.create_product()
    item_id: int = (await api.create_item(product["id"], quantity=10))["id"]
    return item_id


async def adjust(api: Api, item_id: int, delta: int, key: str, user_id: int) -> Response:
    headers = api.headers("stock:write", user_id=user_id)
    return await api.client.post(
        f"/items/{item_id}/adjust", json={"delta": delta}, headers=headers | {KEY: key}
    )


async def quantity_of(api: Api, item_id: int) -> int:
    quantity: int = (await api.client.get(f"/items/{item_id}")).json()["quantity"]
    return quantity


@asynccontextmanager
async def holding(postgres: asyncpg.Connection, item_id: int) -> AsyncIterator[None]:
    """Requests get as far as the item, and wait for it."""
    async with postgres.transaction():
        await postgres.execute("SELECT FROM items WHERE id = $1 FOR UPDATE", item_id)
        yield


async def test_a_repeated_request_gets_the_first_answer_and_changes_nothing(
    api: Api, users: list[int], item_id: int
) -> None:
    key = uuid.uuid4().hex
    first = await adjust(api, item_id, -3, key, users[0])
    assert (first.status_code, first.json()["quantity"]) == (200, 7)
    assert "idempotent-replayed" not in first.headers
    await adjust(api, item_id, 1, uuid.uuid4().hex, users[0])
    second = await adjust(api, item_id, -3, key, users[0])
    assert (second.status_code, second.json()) == (200, first.json())
    assert second.headers["idempotent-replayed"] == "true"
    assert await quantity_of(api, item_id) == 8


async def test_a_key_stands_for_one_request(api: Api, users: list[int], item_id: int) -> None:
    key = uuid.uuid4().hex
    await adjust(api, item_id, -3, key, users[0])
    problem(await adjust(api, item_id, -4, key, users[0]), 422, f"header.{KEY}")
    other = (await api.create_item((await api.create_product())["id"]))["id"]
    problem(await adjust(api, other, -3, key, users[0]), 422, f"header.{KEY}")
    assert (await quantity_of(api, item_id), await quantity_of(api, other)) == (7, 10)


async def test_callers_do_not_share_keys(api: Api, users: list[int], item_id: int) -> None:
    key = uuid.uuid4().hex
    answers = [await adjust(api, item_id, -3, key, user) for user in users]
    assert [answer.json()["quantity"] for answer in answers] == [7, 4]


async def test_a_failed_request_leaves_its_key_free(api: Api, users: list[int], item_id: int) -> None:
    key = uuid.uuid4().hex
    problem(await adjust(api, item_id, -11, key, users[0]), 409, "body.delta")
    problem(await adjust(api, 2**53 - 1, 1, key, users[0]), 404, "path.item_id")
    assert (await adjust(api, item_id, -10, key, users[0])).json()["quantity"] == 0


async def test_a_request_in_flight_is_not_done_twice(
    api: Api, users: list[int], item_id: int, postgres: asyncpg.Connection
) -> None:
    key = uuid.uuid4().hex
    async with holding(postgres, item_id):
        first = asyncio.create_task(adjust(api, item_id, -3, key, users[0]))
        await until_somebody_waits_for(postgres, "UPDATE items")
        problem(await adjust(api, item_id, -3, key, users[0]), 409, f"header.{KEY}")
    assert (await first).json()["quantity"] == 7
    assert (await adjust(api, item_id, -3, key, users[0])).headers["idempotent-replayed"] == "true"
    assert await quantity_of(api, item_id) == 7


async def test_a_killed_transaction_leaves_neither_effect_nor_key(
    api: Api, users: list[int], item_id: int, postgres: asyncpg.Connection
) -> None:
    key = uuid.uuid4().hex
    async with holding(postgres, item_id):
        first = asyncio.create_task(adjust(api, item_id, -3, key, users[0]))
        process = await until_somebody_waits_for(postgres, "UPDATE items")
        await postgres.execute("SELECT pg_terminate_backend($1)", process)
        problem(await first, 503)
    assert await quantity_of(api, item_id) == 10
    retry = await adjust(api, item_id, -3, key, users[0])
    assert (retry.status_code, retry.json()["quantity"]) == (200, 7)
    assert "idempotent-replayed" not in retry.headers


async def test_a_token_of_an_account_that_is_gone_is_refused_before_any_effect(
    api: Api, item_id: int
) -> None:
    answer = await adjust(api, item_id, -3, uuid.uuid4().hex, 2**62)
    problem(answer, 401, "header.Authorization")
    assert await quantity_of(api, item_id) == 10


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "a\tb"])
async def test_a_key_that_cannot_be_is_refused(api: Api, users: list[int], item_id: int, key: str) -> None:
    problem(await adjust(api, item_id, 1, key, users[0]), 422, f"header.{KEY}")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-6, 6).filter(bool)), max_size=15))
@settings(max_examples=40)
async def test_any_mix_of_first_and_repeated_requests_follows_the_model(
    api: Api, users: list[int], requests: list[tuple[str, int]]
) -> None:
    item_id = (await api.create_item((await api.create_product())["id"], quantity=10))["id"]
    quantity, kept = 10, dict[str, tuple[int, object]]()
    for name, delta in requests:
        answer = await adjust(api, item_id, delta, f"{name}-{item_id}", users[0])
        if name in kept:
            if delta == kept[name][0]:
                assert (answer.status_code, answer.json()) == (200, kept[name][1])
            else:
                problem(answer, 422, f"header.{KEY}")
        elif quantity + delta < 0:
            problem(answer, 409, "body.delta")
        else:
            quantity += delta
            assert (answer.status_code, answer.json()["quantity"]) == (200, quantity)
            kept[name] = (delta, answer.json())
    assert await quantity_of(api, item_id) == quantity


@given(st.lists(st.sampled_from("ab"), min_size=2, max_size=8))
@settings(max_examples=20)
async def test_requests_at_once_have_one_effect_a_key(api: Api, users: list[int], names: list[str]) -> None:
    item_id = (await api.create_item((await api.create_product())["id"], quantity=10))["id"]
    answers = await asyncio.gather(
        *(adjust(api, item_id, -1, f"{name}-{item_id}", users[0]) for name in names)
    )
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert await quantity_of(api, item_id) == 10 - len(set(names))


async def until_somebody_waits_for(postgres: asyncpg.Connection, statement: str) -> int:
    """The process of PostgreSQL that waits for a lock in this statement."""
    async with asyncio.timeout(10):
        while True:
            # Inside a transaction, PostgreSQL would show the first answer again.
            await postgres.execute("SELECT pg_stat_clear_snapshot()")
            process: int | None = await postgres.fetchval(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock' AND query LIKE $1",
                f"{statement}%",
            )
            if process:
                return process
            await asyncio.sleep(0.005)
