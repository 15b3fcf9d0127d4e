"""Every operation that the OpenAPI document protects, tried with every kind of wrong token."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from service.infra.tokens import Scope
from tests.integration.conftest import SECRET, Api
from tests.integration.problems import problem

OPEN_WRITES = {("post", "/register"), ("post", "/token")}
OTHER_SECRET = SECRET[::-1]


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    scopes: tuple[str, ...]


def protected(document: dict[str, Any]) -> Iterator[Operation]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for requirement in operation.get("security", []):
                (scopes,) = requirement.values()
                yield Operation(method, path, tuple(scopes))


def token(secret: str = SECRET, algorithm: str = "HS256", **claims: object) -> str:
    now = datetime.now(UTC)
    usual = {
        "sub": "1",
        "scope": " ".join(Scope),
        "iss": "glasshouse",
        "aud": "glasshouse",
        "iat": now,
        "exp": now + timedelta(hours=1),
    }
    wanted = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode(wanted, secret, algorithm=algorithm)


def altered(genuine: str) -> str:
    """The same signature under other claims."""
    header, _, signature = genuine.split(".")
    claims = token(sub="2").split(".")[1]
    return f"{header}.{claims}.{signature}"


LONG_AGO = datetime.now(UTC) - timedelta(minutes=1)
WRONG = {
    "nonsense": "nonsense",
    "empty": "",
    "expired": token(exp=LONG_AGO),
    "not valid yet": token(nbf=datetime.now(UTC) + timedelta(hours=1)),
    "without an end": token(exp=None),
    "for another service": token(aud="elsewhere"),
    "for nobody": token(aud=None),
    "of another issuer": token(iss="elsewhere"),
    "of no issuer": token(iss=None),
    "signed by another": token(OTHER_SECRET),
    "signed in another way": token(algorithm="HS512"),
    "not signed": token("", algorithm="none"),
    "altered": altered(token()),
    "of nobody": token(sub=None),
    "of no account's id": token(sub="ada"),
}


async def refused(api: Api, operation: Operation, headers: dict[str, str], status: int) -> str:
    """The challenge with which the operation is refused."""
    path = operation.path.format(product_id=1, item_id=1, webhook_id=1, delivery_id=1)
    answer = await api.client.request(operation.method, path, json={}, headers=headers)
    problem(answer, status, "header.Authorization")
    challenge: str = answer.headers["www-authenticate"]
    return challenge


@pytest.fixture
def operations(api: Api) -> list[Operation]:
    return list(protected(api.app.openapi()))


async def test_every_write_is_protected(api: Api, operations: list[Operation]) -> None:
    writes = {
        (method, path)
        for path, methods in api.app.openapi()["paths"].items()
        for method in methods
        if method != "get"
    }
    assert writes - {(each.method, each.path) for each in operations} == OPEN_WRITES
    assert ("get", "/me") in {(each.method, each.path) for each in operations}


async def test_every_write_names_one_scope_that_exists(operations: list[Operation]) -> None:
    assert {each.scopes for each in operations if each.method != "get"} == {
        ("catalogue:write",),
        ("stock:write",),
        ("webhooks:manage",),
    }


async def test_nothing_protected_is_done_without_a_token(api: Api, operations: list[Operation]) -> None:
    for operation in operations:
        assert await refused(api, operation, {}, 401) == "Bearer"
        assert await refused(api, operation, {"Authorization": "Basic YTpi"}, 401) == "Bearer"


@pytest.mark.parametrize("kind", WRONG)
async def test_nothing_protected_is_done_with_a_token_that_is(
    api: Api, operations: list[Operation], kind: str
) -> None:
    for operation in operations:
        challenge = await refused(api, operation, {"Authorization": f"Bearer {WRONG[kind]}"}, 401)
        assert challenge == 'Bearer error="invalid_token"'


async def test_nothing_protected_is_done_with_every_scope_but_the_needed(
    api: Api, operations: list[Operation]
) -> None:
    for operation in operations:
        for needed in operation.scopes:
            others = [scope for scope in Scope if scope != needed]
            challenge = await refused(api, operation, api.headers(*others), 403)
            assert challenge == f'Bearer error="insufficient_scope", scope="{needed}"'


async def test_a_token_that_is_wrong_in_nothing_is_accepted(api: Api) -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    answer = await api.client.post("/items/1/adjust", json={"delta": 1}, headers=headers)
    problem(answer, 404, "path.item_id")
