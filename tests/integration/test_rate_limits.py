import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from httpx2 import AsyncClient, Response

from observability.testing import recorded
from service.settings import Settings
from tests.integration.conftest import Api, client_of, serving
from tests.integration.problems import problem

LIMIT = r'"([a-z-]+)";[qr]=(\d+);[wt]=(\d+)'
PASSWORD = "long passphrase"
SPRAYER = "10.0.0.6"
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
    account = {"email": email, "password": PASSWORD, "name": "Ada"}
    return await client.post("/register", json=account)


def told(answer: Response) -> list[tuple[str, int, int, int]]:
    """Of each limit: its name, quota, window, and what is left."""
    policies = answer.headers["ratelimit-policy"].split(", ")
    states = answer.headers["ratelimit"].split(", ")
    return [limit(policy, state) for policy, state in zip(policies, states, strict=True)]


def limit(policy: str, state: str) -> tuple[str, int, int, int]:
    of_policy, of_state = (re.fullmatch(LIMIT, text) for text in (policy, state))
    assert of_policy
    assert of_state
    name, quota, window = of_policy.groups()
    assert of_state[1] == name
    assert 1 <= int(of_state[3]) <= int(window)
    return name, int(quota), int(window), int(of_state[2])


def assert_limited(answer: Response) -> None:
    document = problem(answer, 429)
    assert 1 <= int(answer.headers["retry-after"]) <= 3600
    assert f"try again in {answer.headers['retry-after']} s" in document["detail"]
    assert told(answer)[-1][-1] == 0
    assert answer.headers["ratelimit"].endswith(f";t={answer.headers['retry-after']}")


async def test_guessing_passwords_is_limited_by_address_and_account(strict: Api) -> None:
    async with client_of(strict.app, address="10.0.0.1") as guesser:
        for _ in range(2):
            problem(await ask_for_token(guesser, "ada@example.com"), 401, "body.password")
        assert_limited(await ask_for_token(guesser, "ada@example.com"))
        assert_limited(await ask_for_token(guesser, "ADA@example.com"))
        problem(await ask_for_token(guesser, "bob@example.com"), 401, "body.password")
    async with client_of(strict.app, address="10.0.0.2") as owner:
        problem(await ask_for_token(owner, "ada@example.com"), 401, "body.password")


def refused_registrations(api: Api) -> float:
    labels = {"http_route": "/register", "limit": "rate"}
    return recorded(api.app.state.telemetry.registry, "http_server_limits_exceeded_total", **labels) or 0


async def test_registrations_are_limited_by_address(strict: Api) -> None:
    before = refused_registrations(strict)
    async with client_of(strict.app, address="10.0.0.3") as client:
        answers = [await register(client, f"{name}@example.com") for name in "abc"]
    assert [answer.status_code for answer in answers[:2]] == [201, 201]
    assert_limited(answers[2])
    assert refused_registrations(strict) == before + 1
    async with client_of(strict.app, address="10.0.0.4") as other:
        assert (await register(other, "d@example.com")).status_code == 201


async def test_who_tries_a_password_on_many_accounts_is_limited_and_told_what_is_left(
    settings: Settings,
) -> None:
    limits = {"token_rate_limit": "2/hour", "token_address_rate_limit": "3/hour"}
    async with serving(settings.model_copy(update=limits)) as api, client_of(api.app, address=SPRAYER) as it:
        first = await ask_for_token(it, "ada@example.com")
        problem(first, 401, "body.password")
        assert told(first) == [("token-address", 3, 3600, 2), ("token", 2, 3600, 1)]
        second = await ask_for_token(it, "bob@example.com")
        assert told(second) == [("token-address", 3, 3600, 1), ("token", 2, 3600, 1)]
        await ask_for_token(it, "cid@example.com")
        refused = await ask_for_token(it, "dan@example.com")
        assert_limited(refused)
        assert told(refused) == [("token-address", 3, 3600, 0)]


async def test_whose_request_is_granted_is_told_too(settings: Settings) -> None:
    limited = settings.model_copy(update={"register_rate_limit": "5/hour"})
    async with serving(limited) as api, client_of(api.app, address="10.0.0.5") as client:
        created = await register(client, "told@example.com")
        assert (created.status_code, told(created)) == (201, [("register", 5, 3600, 4)])
        taken = await register(client, "told@example.com")
        assert (taken.status_code, told(taken)) == (409, [("register", 5, 3600, 3)])
        form = {"grant_type": "password", "username": "told@example.com", "password": PASSWORD}
        given = await client.post("/token", data=form)
        assert (given.status_code, len(told(given))) == (200, 2)


async def test_a_network_of_ipv6_counts_as_one_address(settings: Settings) -> None:
    async with serving(settings.model_copy(update={"register_rate_limit": "1/hour"})) as api:
        async with client_of(api.app, address="2001:db8:0:1::1") as one:
            assert (await register(one, "six@example.com")).status_code == 201
        async with client_of(api.app, address="2001:db8:0:1:ffff::2") as neighbour:
            assert_limited(await register(neighbour, "seven@example.com"))
        async with client_of(api.app, address="2001:db8:0:2::1") as other:
            assert (await register(other, "eight@example.com")).status_code == 201


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
            registered = await register(api.client, f"{name}@example.com")
            assert (registered.status_code, registered.headers.get("ratelimit")) == (201, None)
            problem(await ask_for_token(api.client, "ada@example.com"), 401, "body.password")
