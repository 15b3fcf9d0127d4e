"""A contender under uvicorn, as it would be in production."""

import asyncio
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.benchmarks.workers import Failure, next_question

_KEEP_ALIVE_SECONDS = 120


def serve(
    pipe: Connection, make: Callable[[], ASGIApp], protocol: type[asyncio.Protocol] = HttpToolsProtocol
) -> None:
    """Say the port, and serve until the pipe is closed."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(pipe, make(), protocol))


async def _serve(pipe: Connection, app: ASGIApp, protocol: type[asyncio.Protocol]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        server = _Announced(_configuration(app, protocol), pipe, port=listening.getsockname()[1])
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await asyncio.to_thread(next_question, pipe)
        server.should_exit = True
        await serving


def _configuration(app: ASGIApp, protocol: type[asyncio.Protocol]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )


class _Announced(uvicorn.Server):
    """Says its port when it listens there."""

    def __init__(self, config: uvicorn.Config, pipe: Connection, *, port: int) -> None:
        super().__init__(config)
        self._pipe = pipe
        self._port = port

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._pipe.send(self._port if self.started else Failure("The application did not start: see above"))
