"""Clients that send too much, too slowly or nonsense, on a real server: each is answered, guarded, counted, and harms nobody."""

import asyncio
import socket
from collections.abc import AsyncIterator

import asyncpg
import pytest
from httpx2 import Response
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from observability.testing import recorded, series
from service import app
from service.infra.bounded_connections import CONNECTION_LIMITS, ConnectionLimits, Farewell
from service.settings import Settings
from tests.integration.conftest import Api
from tests.integration.problems import problem
from tests.integration.served import GUARDS, Served, listening, served
from tests.locks import until_blocked
from tests.unit.observability.server import until

HASTY = 0.05
LIFE = Router()
HEAD = b"GET /healthz HTTP/1.1\r\nhost: shop\r\n"
# More follows, or does not.
UPLOAD = b"POST /register HTTP/1.1\r\nhost: shop\r\ncontent-length: 1000000\r\nconnection: close\r\n\r\n"
PART = b" " * 100_000
UPGRADE = {
    "connection": "upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
async def shop(settings: Settings) -> AsyncIterator[Served]:
    small = {"max_head_bytes": 1024, "max_headers": 10, "header_timeout": 60}
    async with served(settings.model_copy(update=small)) as shop:
        yield shop


@pytest.fixture
async def hasty_shop(settings: Settings) -> AsyncIterator[Served]:
    """A busy machine may need longer to ask it anything, so that only who is late should."""
    async with served(settings.model_copy(update={"header_timeout": HASTY})) as shop:
        yield shop


def guards(answer: Response) -> set[tuple[str, str]]:
    return GUARDS & set(answer.headers.items())


def assert_is_farewell(answer: Response, status: int, detail: str) -> None:
    assert guards(answer) == GUARDS
    assert answer.status_code == status
    assert answer.headers["connection"] == "close"
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (document["status"], document["type"], document["instance"]) == (status, "about:blank", "")
    assert detail in document["detail"]


def exceeded(api: Api, limit: str, route: str = "<unmatched>") -> float:
    labels = {"http_route": route, "limit": limit}
    count = recorded(api.app.state.telemetry.registry, "http_server_limits_exceeded_total", **labels)
    assert count is not None, "it is there before the first"
    return count


@pytest.mark.parametrize(
    "words",
    [
        HEAD + b"x: " + b"y" * 1024 + b"\r\n\r\n",
        HEAD + b"x: " + b"y" * 1024,
        HEAD + b"x: y\r\n" * 10 + b"\r\n",
        b"GET /" + b"y" * 1024 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["large", "without end", "many headers", "long path"],
)
async def test_a_head_that_is_too_large_is_answered_and_counted(shop: Served, words: bytes) -> None:
    before = exceeded(shop, "head_size")
    answer = await shop.said_to(words)
    assert_is_farewell(answer, 431, "no more than 1,024 bytes and 10 headers")
    assert exceeded(shop, "head_size") == before + 1


@pytest.mark.parametrize("words", [HEAD, b""], ids=["incomplete", "nothing"])
async def test_a_head_that_does_not_come_is_answered_and_counted(hasty_shop: Served, words: bytes) -> None:
    before = exceeded(hasty_shop, "head_time")
    answer = await hasty_shop.said_to(words)
    assert_is_farewell(answer, 408, "within 0.05 s")
    assert exceeded(hasty_shop, "head_time") == before + 1


async def test_many_requests_pass_on_one_connection(shop: Served) -> None:
    last = HEAD + b"connection: close\r\n\r\n"
    answer = await shop.said_to(HEAD, b"\r\n" + HEAD + b"\r\n" + HEAD, b"\r\n", last)
    assert answer.text.count("HTTP/1.1 200 OK") == 3, "and the first"
    assert answer.status_code == 200


async def test_a_client_that_does_not_read_keeps_neither_connection_nor_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counted, is_over = asyncio.Queue[str](), asyncio.Event()
    farewell = Farewell(400, "text/plain", b"")
    limits = ConnectionLimits(1024, 10, 60, HASTY, farewell, farewell, counted.put_nowait)

    async def flood(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            scope["state"][CONNECTION_LIMITS] = limits
            await LIFE(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(64):
            await send({"type": "http.response.body", "body": b" " * 1024 * 1024, "more_body": True})
        await send({"type": "http.response.body"})
        is_over.set()

    async with listening(flood) as port:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(HEAD + b"\r\n")
            async with asyncio.timeout(60):
                assert await counted.get() == "answer_time"
                await is_over.wait()
    assert caplog.messages == [], "the server drops what it is given from then on"


@pytest.mark.parametrize(
    ("method", "path", "route", "limit"),
    [
        ("POST", "/products", "/products", 1024 * 1024),
        ("PUT", "/products/1/image", "/products/{product_id}/image", 8 * 1024 * 1024),
    ],
)
async def test_a_body_that_is_declared_too_large_is_not_waited_for(
    shop: Served, method: str, path: str, route: str, limit: int
) -> None:
    fields = {
        **shop.as_writer(),
        "host": "shop",
        "content-type": "image/png" if method == "PUT" else "application/json",
        "content-length": str(limit + 1),
        "connection": "close",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    answer = await shop.said_to(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode())
    assert f"{limit:,} bytes" in problem(answer, 413, "body")["detail"]
    assert exceeded(shop, "body_size", route) == 1


async def test_bodies_that_are_sent_at_the_same_time_have_a_limit_together(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "MAX_BODIES_SIZE", 3 * len(PART) // 2)
    async with served(settings) as shop:
        bodies = shop.app.state.doorkeeper.places
        with socket.create_connection(("127.0.0.1", shop.port)) as patient:
            patient.sendall(UPLOAD + PART)
            await until(lambda: bodies.body_bytes == len(PART))
            refused = await shop.said_to(UPLOAD + PART)
            assert "retry-after" in refused.headers
            assert "more than it has room for" in problem(refused, 503)["detail"]
            assert bodies.body_bytes == len(PART)
            small = await shop.client.post("/register", content=b"{}")
            assert small.status_code == 422
        await until(lambda: bodies.body_bytes == 0)
        assert (await shop.client.post("/register", content=PART)).status_code == 422
        outcomes = series(
            shop.app.state.telemetry.registry, "http_server_request_outcomes_total", outcome="shed"
        )
        assert sum(outcomes.values()) == 1


async def test_who_pipelines_and_hangs_up_is_a_client_that_left(
    shop: Served, postgres: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    product = b"GET /products/1 HTTP/1.1\r\nhost: shop\r\n\r\n"
    async with postgres.transaction():
        await postgres.execute("LOCK TABLE products IN ACCESS EXCLUSIVE MODE")
        # Nothing is read while the first is answered, not even the end.
        with socket.create_connection(("127.0.0.1", shop.port)) as hasty:
            hasty.sendall(HEAD + b"\r\n" + product * 2)
            await until_blocked(postgres)
        # Asked later, and answered when the end of that connection is known.
        assert (await shop.client.get("/healthz")).status_code == 200
    outcomes = {"http_route": "/products/{product_id}", "outcome": "client_disconnected"}
    registry = shop.app.state.telemetry.registry
    await until(lambda: recorded(registry, "http_server_request_outcomes_total", **outcomes) == 1)
    assert caplog.messages == []


async def test_an_upgrade_to_what_the_service_does_not_speak_is_a_request(
    shop: Served, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await shop.client.get("/products", headers=UPGRADE)
    assert (answer.status_code, guards(answer)) == (200, GUARDS)
    assert answer.headers["content-type"] == "application/json"
    assert caplog.messages == []


async def test_what_is_no_request_is_guarded(shop: Served) -> None:
    answer = await shop.said_to(b"HELLO\r\n\r\n")
    assert (answer.status_code, guards(answer)) == (400, GUARDS)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("POST", "/metrics", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/products/0", 422),
        ("GET", "/me", 401),
        ("POST", "/products", 413),
    ],
)
async def test_every_answer_is_guarded(shop: Served, method: str, path: str, status: int) -> None:
    content = b" " * (1024 * 1024 + 1) if status == 413 else b""
    answer = await shop.client.request(method, path, content=content, headers=_json(shop, status))
    assert (answer.status_code, guards(answer)) == (status, GUARDS)


def _json(shop: Served, status: int) -> dict[str, str]:
    return shop.as_writer(**{"Content-Type": "application/json"}) if status == 413 else {}
