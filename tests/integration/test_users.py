import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import asyncpg
import jwt
import pytest
from httpx2 import Response

from tests.integration.conftest import SECRET, Api
from tests.integration.problems import problem

PASSWORD = "correct horse battery"


async def register(api: Api, email: str, **fields: object) -> Response:
    account = {"email": email, "password": PASSWORD, "name": "Ada Lovelace"}
    return await api.client.post("/register", json=account | fields)


async def token(api: Api, email: str, password: str = PASSWORD, **fields: str) -> Response:
    form = {"grant_type": "password", "username": email, "password": password}
    return await api.client.post("/token", data=form | fields)


def bearer(answer: Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
def checks(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads in which a password was checked, one entry for each check."""
    hasher, threads = api.app.state.users._passwords._hasher, list[threading.Thread]()
    stock = hasher.verify

    def verify(*arguments: Any) -> bool:
        threads.append(threading.current_thread())
        return bool(stock(*arguments))

    monkeypatch.setattr(hasher, "verify", verify)
    return threads


@pytest.fixture(scope="module")
async def editor(api: Api, database_url: str) -> str:
    """The e-mail address of somebody with two scopes."""
    email = "editor@example.com"
    await register(api, email)
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "UPDATE users SET scopes = '{catalogue:write,stock:write}' WHERE email = $1", email
    )
    await connection.close()
    return email


async def test_a_new_account_may_read_and_nothing_else(api: Api) -> None:
    answer = await register(api, "new@example.com", name="  New One ")
    assert answer.status_code == 201
    profile = answer.json()
    assert profile == {
        "id": profile["id"],
        "email": "new@example.com",
        "name": "New One",
        "scopes": [],
        "created_at": profile["created_at"],
    }
    me = await api.client.get("/me", headers=bearer(await token(api, "new@example.com")))
    assert (me.status_code, me.json()) == (200, profile)
    assert me.headers["cache-control"] == "private, max-age=60"


async def test_passwords_are_kept_as_argon2_hashes_alone(api: Api, database_url: str) -> None:
    await register(api, "hashed@example.com")
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow("SELECT * FROM users WHERE email = 'hashed@example.com'")
    await connection.close()
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$")
    assert PASSWORD not in str(dict(row))


@pytest.mark.parametrize("again", ["twice@example.com", "Twice@Example.COM", "twice@EXAMPLE.com"])
async def test_an_e_mail_address_is_taken_once_in_whatever_case(api: Api, again: str) -> None:
    await register(api, "twice@example.com")
    problem(await register(api, again), 409, "body.email")


async def test_of_registrations_at_once_one_wins(api: Api) -> None:
    answers = await asyncio.gather(*(register(api, "race@example.com") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("email", "a@b"),
        ("email", f"{'x' * 64}@{'y' * 63}.{'z' * 63}.{'w' * 63}.example.com"),
        ("email", "a\0@example.com"),
        ("email", None),
        ("password", "too short"),
        ("password", "x" * 257),
        ("name", ""),
        ("name", "x" * 201),
        ("name", "a\0b"),
        ("scopes", ["stock:write"]),
    ],
)
async def test_an_account_that_cannot_be_is_refused_by_field(api: Api, field: str, value: object) -> None:
    account = {"email": "other@example.com", "password": PASSWORD, "name": "Other"} | {field: value}
    answer = await api.client.post("/register", json=account)
    problem(answer, 422, f"body.{field}")
    assert PASSWORD not in answer.text


# What JSON can spell, and some character sets too, and UTF-8 cannot.
LONE_SURROGATE = "\\ud800"


async def test_a_new_password_that_is_no_text_is_refused_by_field(api: Api) -> None:
    account = f'{{"email": "odd@example.com", "password": "{LONE_SURROGATE}{PASSWORD}", "name": "Odd"}}'
    headers = {"Content-Type": "application/json"}
    answer = await api.client.post("/register", content=account, headers=headers)
    problem(answer, 422, "body.password")
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(("charset", "spelling"), [("utf-7", "+2AA-"), ("unicode_escape", LONE_SURROGATE)])
@pytest.mark.parametrize("field", ["username", "password", "scope", "client_id", "client_secret"])
async def test_a_request_for_a_token_that_is_no_text_is_refused_by_field(
    api: Api, charset: str, spelling: str, field: str
) -> None:
    form = {"grant_type": "password", "username": "ada@example.com", "password": PASSWORD, field: spelling}
    parts = {name: (None, value) for name, value in form.items()}
    request = api.client.build_request("POST", "/token", files=parts)
    request.headers["Content-Type"] += f"; charset={charset}"
    problem(await api.client.send(request), 422, f"body.{field}")


@pytest.mark.parametrize(
    "spelling", ["ada@example.com", "Ada@Example.com", " ada@example.com ", "Ada <ada@example.com>"]
)
async def test_an_account_is_found_however_its_address_is_spelled(api: Api, spelling: str) -> None:
    await register(api, "ada@example.com")
    assert (await token(api, spelling)).status_code == 200


@pytest.mark.parametrize(
    "spelling", ["ada@bücher.example", "ada@BÜCHER.example", "ada@xn--bcher-kva.example"]
)
async def test_international_addresses_have_one_account_too(api: Api, spelling: str) -> None:
    await register(api, "ada@bücher.example")
    assert (await token(api, spelling)).status_code == 200
    problem(await register(api, spelling), 409, "body.email")


async def test_a_token_is_short_lived_ours_and_never_stored(api: Api, editor: str) -> None:
    answer = await token(api, editor)
    assert answer.headers["cache-control"] == "no-store"
    given = answer.json()
    assert (
        given | {"token_type": "bearer", "expires_in": 900, "scope": "catalogue:write stock:write"} == given
    )
    claims = jwt.decode(given["access_token"], SECRET, algorithms=["HS256"], audience="glasshouse")
    assert claims["iss"] == "glasshouse"
    assert claims["exp"] - claims["iat"] == 900
    assert abs(claims["iat"] - datetime.now(UTC).timestamp()) < 60


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("", "catalogue:write stock:write"),
        ("stock:write", "stock:write"),
        ("stock:write catalogue:write", "catalogue:write stock:write"),
        ("stock:write webhooks:manage", "stock:write"),
        ("webhooks:manage", ""),
    ],
)
async def test_a_token_has_the_scopes_that_were_asked_for_and_never_more_than_the_account(
    api: Api, editor: str, asked: str, granted: str
) -> None:
    answer = await token(api, editor, scope=asked)
    assert answer.json()["scope"] == granted
    product = {"name": "Mug", "description": "Holds tea.", "category": "kitchen", "price": "4"}
    created = await api.client.post("/products", json=product, headers=bearer(answer))
    assert created.status_code == (201 if "catalogue:write" in granted else 403)


async def test_an_unknown_address_is_refused_like_a_wrong_password_and_after_as_much_work(
    api: Api, checks: list[threading.Thread]
) -> None:
    await register(api, "known@example.com")
    wrong = problem(await token(api, "known@example.com", "wrong password"), 401, "body.password")
    assert len(checks) == 1
    unknown = problem(await token(api, "unknown@example.com"), 401, "body.password")
    assert len(checks) == 2
    nonsense = problem(await token(api, "nonsense"), 401, "body.password")
    assert len(checks) == 3
    assert wrong["detail"] == unknown["detail"] == nonsense["detail"]
    assert wrong["type"] == unknown["type"] == nonsense["type"]
    assert threading.main_thread() not in checks


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"grant_type": "client_credentials"}, "grant_type"),
        ({"username": ""}, "username"),
        ({"username": "a\0b"}, "username"),
        ({"username": "x" * 255}, "username"),
        ({"password": "x" * 257}, "password"),
        ({"scope": "x" * 501}, "scope"),
    ],
)
async def test_a_request_for_a_token_that_makes_no_sense_is_refused_by_field(
    api: Api, fields: dict[str, str], place: str
) -> None:
    form = {"grant_type": "password", "username": "ada@example.com", "password": PASSWORD} | fields
    answer = await api.client.post("/token", data=form)
    problem(answer, 422, f"body.{place}")
    assert PASSWORD not in answer.text


async def test_the_token_of_an_account_that_is_gone_is_refused(api: Api) -> None:
    answer = await api.client.get("/me", headers=api.headers(user_id=2**62))
    problem(answer, 401, "header.Authorization")


async def test_who_signs_in_was_seen(api: Api, postgres: asyncpg.Connection) -> None:
    await register(api, "seen@example.com")
    last_seen = "SELECT last_seen_at FROM users WHERE email = 'seen@example.com'"
    assert await postgres.fetchval(last_seen) is None
    await token(api, "seen@example.com")
    assert await postgres.fetchval(last_seen) is not None


async def test_a_sign_in_holds_no_connection_while_it_is_noted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    users, database, in_use = api.app.state.users, api.app.state.users._database, list[int]()

    async def note(_email: str) -> None:
        in_use.extend(engine.sync_engine.pool.checkedout() for engine in (database.reader, database.writer))

    monkeypatch.setattr(users, "mark_seen", note)
    await register(api, "light@example.com")
    await token(api, "light@example.com")
    assert in_use == [0, 0]


async def test_a_registration_enqueues_its_welcome_and_a_refused_one_does_not(
    api: Api, postgres: asyncpg.Connection
) -> None:
    waiting = "SELECT convert_from(payload, 'UTF8') FROM pgqueuer WHERE entrypoint = 'send_welcome_email' ORDER BY id DESC"
    first = (await register(api, "welcome@example.com")).json()
    await register(api, "welcome@example.com")
    assert await postgres.fetchval(waiting) == f'{{"user_id":{first["id"]}}}'
