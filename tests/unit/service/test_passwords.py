import threading
from typing import Any

import pytest

from service.infra.passwords import Passwords


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(concurrency=2)


async def test_a_password_matches_its_hash_alone(passwords: Passwords) -> None:
    password_hash = await passwords.hash("correct horse")
    assert await passwords.matches("correct horse", password_hash)
    assert not await passwords.matches("correct horses", password_hash)


async def test_hashing_costs_what_owasp_asks_for(passwords: Passwords) -> None:
    # https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
    _, kind, version, costs, salt, _ = (await passwords.hash("correct horse")).split("$")
    cost = dict(each.split("=") for each in costs.split(","))
    assert (kind, version) == ("argon2id", "v=19")
    assert int(cost["m"]) >= 19 * 1024
    assert int(cost["t"]) >= 2
    assert salt not in await passwords.hash("correct horse")


async def test_nobody_has_the_password_of_the_stand_in(passwords: Passwords) -> None:
    assert not await passwords.matches("no such user", None)


async def test_the_stand_in_costs_what_an_account_costs(passwords: Passwords) -> None:
    password_hash = await passwords.hash("correct horse")
    assert password_hash.split("$")[1:4] == passwords._absent.split("$")[1:4]


async def test_no_password_is_hashed_on_the_event_loop(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def verify(*_: Any) -> bool:
        threads.append(threading.current_thread())
        return True

    monkeypatch.setattr(passwords._hasher, "verify", verify)
    await passwords.matches("correct horse", "hash")
    assert threads
    assert threads != [threading.current_thread()]
