import asyncio
from collections.abc import AsyncIterator

import pytest
from httpx2 import AsyncClient, Response

from service.settings import Settings
from tests.integration.conftest import Api, client_of, serving
from tests.integration.problems import problem

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
async def strict(settings: Settings) -> AsyncIterator[Api]:
    limits = {"token_rate_limit": "2/hour", "register_rate_limit": "2/hour"}
    async with serving(settings.model_copy(update=limits)) as api:
        yield api


async def ask_for_token(client: AsyncClient, username: str) -> Response:
    form = {"grant_type": "password", "username": username, "password": "wrong"}
    return await client.post("/token", data=form)


async def register(client: AsyncClient, email: str) -> Response:
    account = {"email": email, "password": "long passphrase", "name": "Ada"}
    return await client.post("/register", json=account)


def assert_limited(answer: Response) -> None:
    document = problem(answer, 429)
    assert 1 <= int(answer.headers["retry-after"]) <= 3600
    assert f"try again in {answer.headers['retry-after']} s" in document["detail"]


async def test_guessing_passwords_is_limited_by_address_and_account(strict: Api) -> None:
    async with client_of(strict.app, address="10.0.0.1") as guesser:
        for _ in range(2):
            problem(await ask_for_token(guesser, "ada@example.com"), 401, "body.password")
        assert_limited(await ask_for_token(guesser, "ada@example.com"))
        assert_limited(await ask_for_token(guesser, "ADA@example.com"))
        problem(await ask_for_token(guesser, "bob@example.com"), 401, "body.password")
    async with client_of(strict.app, address="10.0.0.2") as owner:
        problem(await ask_for_token(owner, "ada@example.com"), 401, "body.password")


async def test_registrations_are_limited_by_address(strict: Api) -> None:
    async with client_of(strict.app, address="10.0.0.3") as client:
        answers = [await register(client, f"{name}@example.com") for name in "abc"]
    assert [answer.status_code for answer in answers[:2]] == [201, 201]
    assert_limited(answers[2])
    async with client_of(strict.app, address="10.0.0.4") as other:
        assert (await register(other, "d@example.com")).status_code == 201


async def test_all_processes_count_together(settings: Settings) -> None:
    limited = settings.model_copy(update={"token_rate_limit": "2/hour"})
    async with serving(limited) as one, serving(limited) as other:
        for api in (one, other):
            problem(await ask_for_token(api.client, "shared@example.com"), 401, "body.password")
        assert_limited(await ask_for_token(one.client, "shared@example.com"))
        assert_limited(await ask_for_token(other.client, "shared@example.com"))


async def test_who_waits_as_long_as_told_is_let_in(settings: Settings) -> None:
    async with serving(settings.model_copy(update={"token_rate_limit": "1/second"})) as api:
        answers = await asyncio.gather(*(ask_for_token(api.client, "ada@example.com") for _ in range(3)))
        waits = [int(answer.headers.get("retry-after", 0)) for answer in answers]
        assert 1 <= max(waits) <= 2
        await asyncio.sleep(max(waits))
        problem(await ask_for_token(api.client, "ada@example.com"), 401, "body.password")


async def test_without_redis_nobody_is_limited(settings: Settings) -> None:
    without = {"token_rate_limit": "1/hour", "register_rate_limit": "1/hour", "redis_url": NOBODY_LISTENS}
    async with serving(settings.model_copy(update=without)) as api:
        for name in ("eve", "fay", "gil"):
            assert (await register(api.client, f"{name}@example.com")).status_code == 201
            problem(await ask_for_token(api.client, "ada@example.com"), 401, "body.password")
