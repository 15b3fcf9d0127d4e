"""Nobody sees the profile of somebody else, whatever they send."""

import asyncio
import random
from typing import Any

import httpx2
import pytest
from sqlalchemy import insert

from service.infra.database import Database
from service.settings import Settings
from service.users.models import UserRecord
from tests.integration.cache.conftest import x_cache
from tests.integration.conftest import Api

Apis = tuple[Api, Api]


@pytest.fixture
async def ids(settings: Settings) -> list[int]:
    """A dozen accounts: some ids begin like others."""
    accounts = [
        {"email": f"{random.getrandbits(64):x}@example.com", "name": "Ada", "password_hash": "none"}
        for _ in range(12)
    ]
    database = Database(settings)
    async with database.transaction() as session:
        rows = await session.scalars(insert(UserRecord).returning(UserRecord.id), accounts)
        ids = list(rows)
    await database.close()
    return ids


async def me(api: Api, user_id: int, path: str = "/me", **headers: str) -> httpx2.Response:
    return await api.client.get(path, headers={**api.headers(user_id=user_id), **headers})


def id_in(answer: httpx2.Response) -> Any:
    return answer.json()["id"]


async def test_everybody_has_their_own_answer_on_every_process(apis: Apis, ids: list[int]) -> None:
    for _ in range(2):
        for user_id in ids:
            for api in apis:
                assert id_in(await me(api, user_id)) == user_id
    assert x_cache(await me(apis[1], ids[0])) == "HIT"


async def test_a_private_answer_says_so(apis: Apis, ids: list[int]) -> None:
    for _ in range(2):
        answer = await me(apis[0], ids[0])
        assert answer.headers["cache-control"] == "private, max-age=60"
        assert answer.headers["vary"] == "authorization"


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer x", "Basic eDp5", "Bearer {token}x", "Bearer {token} {token}", "{token}"],
)
async def test_without_a_valid_token_there_is_no_answer(
    apis: Apis, ids: list[int], authorization: str
) -> None:
    api = apis[0]
    await me(api, ids[0])
    token = api.headers(user_id=ids[0])["Authorization"].removeprefix("Bearer ")
    answer = await api.client.get("/me", headers={"Authorization": authorization.format(token=token)})
    assert answer.status_code == 401
    assert (await api.client.get("/me")).status_code == 401


async def test_no_address_leads_to_another_account(apis: Apis, ids: list[int]) -> None:
    api, (mine, other, *_) = apis[0], ids
    await me(api, other)
    for path in (
        f"/me?user_id={other}",
        f"/me?%20@{other}",
        f"/me?x=1%20@{other}",
        f"/me? @{other}",
        f"/me?caller={other}&principal={other}",
        f"/me%20@{other}",
        f"/me%3F%20@{other}",
        f"/me/../me?@{other}",
        f"/me#@{other}",
    ):
        answer = await me(api, mine, path)
        assert answer.status_code in {404, 307} or id_in(answer) == mine


async def test_no_header_leads_to_another_account(apis: Apis, ids: list[int]) -> None:
    api, (mine, other, *_) = apis[0], ids
    tag = (await me(api, other)).headers["etag"]
    for name, value in {
        "X-User": str(other),
        "X-Forwarded-User": str(other),
        "Cookie": f"user_id={other}",
        "Host": f"@{other}",
        "X-Original-URL": f"/me?@{other}",
        "Vary": "nothing",
        "Cache-Control": "no-cache",
        "If-None-Match": tag,
        "If-Match": tag,
        "Range": "bytes=0-1000",
    }.items():
        answer = await me(api, mine, **{name: value})
        assert (answer.status_code, id_in(answer)) == (200, mine), name


async def test_a_token_with_other_scopes_is_still_its_owners(apis: Apis, ids: list[int]) -> None:
    api = apis[0]
    for user_id in ids[:2]:
        answer = await api.client.get("/me", headers=api.headers("catalogue:write", user_id=user_id))
        assert id_in(answer) == user_id


async def test_a_crowd_does_not_mix_people_up(apis: Apis, ids: list[int]) -> None:
    random.seed(7)
    crowd = [random.choice(ids) for _ in range(200)]
    answers = await asyncio.gather(*(me(random.choice(apis), user_id) for user_id in crowd))
    assert [id_in(answer) for answer in answers] == crowd


async def test_clients_that_leave_in_the_middle_leave_nothing_for_others(apis: Apis, ids: list[int]) -> None:
    random.seed(7)
    for _ in range(20):
        leaving = [asyncio.create_task(me(random.choice(apis), random.choice(ids))) for _ in range(20)]
        for _ in range(random.randrange(40)):
            await asyncio.sleep(0)
        for request in leaving:
            request.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        staying = random.sample(ids, 4)
        answers = await asyncio.gather(*(me(random.choice(apis), user_id) for user_id in staying))
        assert [id_in(answer) for answer in answers] == staying


async def test_an_account_that_is_unknown_is_not_kept(apis: Apis) -> None:
    for _ in range(2):
        assert (await me(apis[0], 999_999_999)).status_code == 401
