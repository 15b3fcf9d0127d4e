"""A server without a network: passes messages to an application as uvicorn would."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from starlette.types import ASGIApp, Message, Scope

Headers = Iterable[tuple[bytes, bytes]]


@dataclass
class Reply:
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    error: BaseException | None = None

    def header(self, name: str) -> str:
        (value,) = [value for key, value in self.headers if key == name.lower()]
        return value


def http_scope(path: str, method: str = "GET", headers: Headers = (), root_path: str = "") -> Scope:
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": root_path,
        "query_string": query.encode(),
        "headers": [(b"host", b"testserver"), *headers],
        "scheme": "http",
        "server": ("testserver", 80),
        "client": ("client", 1),
        "state": {},
    }


class Cycle:
    """One request on the server's side. Like uvicorn's, it drops what is sent to a client that left."""

    def __init__(self) -> None:
        self.reply = Reply()
        self.disconnected = False
        self.refuses_to_send = False
        self.over = asyncio.Event()
        self.started = asyncio.Event()
        self._request_is_read = False

    async def receive(self) -> Message:
        if not self._request_is_read:
            self._request_is_read = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.refuses_to_send:
            msg = "the client is gone"
            raise OSError(msg)
        if message["type"] == "http.response.start":
            self.reply.status = message["status"]
            self.reply.headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            self.reply.body += message.get("body", b"")
            if not message.get("more_body", False):
                self.over.set()
        self.started.set()

    def leave(self, *, shows_on_send: bool = True) -> None:
        self.disconnected = shows_on_send
        self.over.set()


async def request(
    app: ASGIApp, path: str, method: str = "GET", headers: Headers = (), root_path: str = ""
) -> Reply:
    """The whole of a request; what the application raised is in the reply."""
    return await serve(app, http_scope(path, method, headers, root_path), Cycle())


async def serve(app: ASGIApp, scope: Scope, cycle: Cycle) -> Reply:
    try:
        await app(scope, cycle.receive, cycle.send)
    except Exception as error:  # noqa: BLE001  a server survives whatever an application raises
        cycle.reply.error = error
    return cycle.reply


async def start(app: Any) -> None:
    """Run the application's start-up and shutdown."""
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Message:
        return next(messages)

    async def send(_message: Message) -> None:
        pass

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)


class Socket:
    """A client's WebSocket: sends what it was given, then leaves with a code."""

    def __init__(self, *texts: str, leaves_with: int | None = 1000) -> None:
        self.sent: list[Message] = []
        farewell: Message = {"type": "websocket.disconnect"}
        if leaves_with is not None:
            farewell["code"] = leaves_with
        said: list[Message] = [{"type": "websocket.receive", "text": text} for text in texts]
        self._incoming = iter([{"type": "websocket.connect"}, *said, farewell])

    async def receive(self) -> Message:
        return next(self._incoming)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def talk(self, app: ASGIApp, path: str) -> None:
        scope: Scope = {**http_scope(path), "type": "websocket", "scheme": "ws", "subprotocols": []}
        scope["extensions"] = {"websocket.http.response": {}}
        try:
            await app(scope, self.receive, self.send)
        except RuntimeError as error:
            self.error = error


async def until(condition: Callable[[], object]) -> None:
    """Let others run until the condition holds; a test that hopes in vain fails after ten seconds."""
    async with asyncio.timeout(10):
        for _ in count():
            if condition():
                return
            await asyncio.sleep(0)
