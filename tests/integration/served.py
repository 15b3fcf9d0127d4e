"""The service behind the server that `python -m service api` has, in the process of the tests."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx2
import uvicorn
from starlette.types import ASGIApp

from service.__main__ import SECURITY_HEADERS
from service.app import create_app
from service.infra.front_door import FrontDoor
from service.settings import Settings
from tests.integration.conftest import Api
from tests.unit.observability.server import until

GUARDS = {(name.lower(), value) for name, value in SECURITY_HEADERS}


@dataclass(frozen=True, slots=True)
class Served(Api):
    """The service as clients see it that speak to a server of its own."""

    port: int

    async def said_to(self, *words: bytes) -> httpx2.Response:
        """What a connection is answered that is sent these bytes and nothing more, until the server closes it."""
        answer, loop = b"", asyncio.get_running_loop()
        # The first bytes are there before the server, on the same loop, knows of the connection.
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.setblocking(False)  # noqa: FBT003 (the standard library's)
            async with asyncio.timeout(60):
                for word in words:
                    await loop.sock_sendall(client, word)
                # Who closes a connection with something unread in it resets it, behind its answer.
                with suppress(ConnectionResetError):
                    while piece := await loop.sock_recv(client, 65_536):
                        answer += piece
        return _parsed(answer)


@asynccontextmanager
async def served(settings: Settings, *, has_door: bool = True) -> AsyncIterator[Served]:
    """With or without the door that asks before the application does."""
    app = create_app(settings)
    async with (
        listening(app, has_door=has_door) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        yield Served(app, client, port)


@asynccontextmanager
async def listening(app: ASGIApp, *, has_door: bool = True) -> AsyncIterator[int]:
    """The port of a server with this application."""
    config = uvicorn.Config(
        app,
        port=0,
        http=FrontDoor if has_door else "httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        headers=SECURITY_HEADERS,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    ((_, port),) = [listener.getsockname() for listener in server.servers[0].sockets]
    try:
        yield port
    finally:
        server.should_exit = True
        await running


def _parsed(answer: bytes) -> httpx2.Response:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    fields = [line.split(": ", 1) for line in lines]
    return httpx2.Response(
        int(status.split(" ")[1]), headers=[(name, value) for name, value in fields], content=body
    )
