"""What a WebSocket counts as."""

import pytest
from fastapi import APIRouter, FastAPI, WebSocket, WebSocketDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from observability.setup import Telemetry, instrument
from observability.testing import label_values, recorded, series
from tests.unit.observability.server import Socket

DURATIONS = "http_server_websocket_connection_duration_seconds_count"
ACTIVE = "http_server_websocket_active_connections"


@pytest.fixture
def app() -> FastAPI:
    app, router = FastAPI(), APIRouter(prefix="/v1")

    @router.websocket("/echo/{room}")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_text(text)

    @app.websocket("/closing")
    async def close(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close(4000)

    @app.websocket("/refusing")
    async def refuse(socket: WebSocket) -> None:
        await socket.close()

    @app.websocket("/denying")
    async def deny(socket: WebSocket) -> None:
        await socket.send_denial_response(PlainTextResponse("no", status_code=429))

    @app.websocket("/failing")
    async def fail(socket: WebSocket) -> None:
        await socket.accept()
        raise RuntimeError

    @app.websocket("/failing-early")
    async def fail_early(_socket: WebSocket) -> None:
        raise RuntimeError

    app.include_router(router)
    return app


@pytest.fixture
def telemetry(app: FastAPI) -> Telemetry:
    return instrument(app, service_name="shop")


def closes(telemetry: Telemetry) -> dict[str, str]:
    """Close codes by route, each of one WebSocket."""
    found = series(telemetry.registry, DURATIONS)
    assert set(found.values()) == {1}
    return {dict(labels)["http_route"]: dict(labels)["websocket_close_code"] for labels in found}


async def test_a_websocket_is_counted_with_its_route_and_close_code(
    app: FastAPI, telemetry: Telemetry
) -> None:
    socket = Socket("hello", leaves_with=1001)
    await socket.talk(app, "/v1/echo/kitchen")
    assert {"type": "websocket.send", "text": "hello"} in socket.sent
    assert closes(telemetry) == {"/v1/echo/{room}": "1001"}


async def test_a_client_that_vanishes_without_a_code_closed_abnormally(
    app: FastAPI, telemetry: Telemetry
) -> None:
    async def waiting(_scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    app.mount("/waiting", waiting)
    await Socket(leaves_with=None).talk(app, "/waiting/x")
    assert closes(telemetry) == {"/waiting/{path}": "1006"}


async def test_codes_that_clients_invent_share_one_label(app: FastAPI, telemetry: Telemetry) -> None:
    for code in (1000, 1012, 3000, *range(3010, 5000, 7), 999, 70_000):
        await Socket(leaves_with=code).talk(app, "/v1/echo/kitchen")
    assert label_values(telemetry.registry, DURATIONS, "websocket_close_code") == {
        *("1000", "1012", "3000"),
        "_OTHER",
    }


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/closing", "4000"),
        ("/refusing", "403"),
        ("/denying", "429"),
        ("/failing", "1006"),
        ("/failing-early", "500"),
    ],
)
async def test_the_code_tells_how_the_server_ended_it(
    app: FastAPI, telemetry: Telemetry, path: str, code: str
) -> None:
    await Socket().talk(app, path)
    assert closes(telemetry) == {path: code}


async def test_a_client_that_leaves_while_it_is_sent_to_closed_with_its_own_code(
    app: FastAPI, telemetry: Telemetry
) -> None:
    @app.websocket("/pushing")
    async def push(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                await socket.send_text("news")
        except WebSocketDisconnect:
            return

    class Gone(Socket):
        async def send(self, message: Message) -> None:
            await super().send(message)
            if len(self.sent) > 2:
                raise OSError

    await Gone("unread", leaves_with=1001).talk(app, "/pushing")
    assert closes(telemetry) == {"/pushing": "1001"}


async def test_a_websocket_without_a_route_is_unmatched(app: FastAPI, telemetry: Telemetry) -> None:
    await Socket().talk(app, "/nothing")
    assert closes(telemetry) == {"<unmatched>": "403"}


async def test_open_websockets_are_shown_until_they_close(app: FastAPI, telemetry: Telemetry) -> None:
    seen: list[float | None] = []

    @app.websocket("/looking")
    async def look(socket: WebSocket) -> None:
        await socket.accept()
        seen.append(recorded(telemetry.registry, ACTIVE, http_route="/looking"))

    await Socket().talk(app, "/looking")
    assert seen == [1]
    assert recorded(telemetry.registry, ACTIVE, http_route="/looking") == 0


async def test_a_refused_handshake_was_never_open(app: FastAPI, telemetry: Telemetry) -> None:
    await Socket().talk(app, "/refusing")
    assert recorded(telemetry.registry, ACTIVE) is None
