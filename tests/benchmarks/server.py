"""A contender under uvicorn, as it would be in production."""

import asyncio
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection

import uvicorn
import uvloop
from starlette.types import ASGIApp

from tests.benchmarks.workers import next_question

_KEEP_ALIVE_SECONDS = 120


def serve(pipe: Connection, make: Callable[[], ASGIApp]) -> None:
    """Say the port, and serve until the pipe is closed."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(pipe, make()))


async def _serve(pipe: Connection, app: ASGIApp) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="httptools",
            access_log=False,
            log_level="warning",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=1,
        )
    )
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not (server.started or serving.done()):
            await asyncio.sleep(0.01)
        pipe.send(listening.getsockname()[1])
        await asyncio.to_thread(next_question, pipe)
        server.should_exit = True
        await serving
