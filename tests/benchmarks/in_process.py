"""CPU time of an application that is called directly, without a server."""

import asyncio
import gc
from collections.abc import Callable
from multiprocessing.connection import Connection
from time import process_time

import uvloop
from starlette.types import ASGIApp, Message, Scope

from tests.benchmarks.workers import next_question

_REQUESTS_A_TURN = 20
_HEADERS = (
    (b"host", b"127.0.0.1:8000"),
    (b"user-agent", b"benchmark/1"),
    (b"accept", b"application/json"),
    (b"accept-encoding", b"gzip, deflate"),
)


def measure_cpu(pipe: Connection, make: Callable[[], ASGIApp], path: str) -> None:
    """Answer each number of requests with the CPU seconds that one of them took."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_answer(pipe, make(), path))


async def _answer(pipe: Connection, app: ASGIApp, path: str) -> None:
    lifespan = Lifespan(app)
    await lifespan.start()
    await _expect_success(app, path)
    pipe.send("ready")
    while (count := await asyncio.to_thread(next_question, pipe)) is not None:
        gc.collect()
        pipe.send(await _cpu_of_one(app, path, count))
    await lifespan.stop()


async def _cpu_of_one(app: ASGIApp, path: str, count: int) -> float:
    began = process_time()
    for number in range(count):
        cycle = Cycle()
        await app(request_scope(path), cycle.receive, cycle.send)
        # A server's loop turns; one that does not looks blocked.
        if number % _REQUESTS_A_TURN == 0:
            await asyncio.sleep(0)
    return (process_time() - began) / count


async def _expect_success(app: ASGIApp, path: str) -> None:
    cycle = Cycle()
    await app(request_scope(path), cycle.receive, cycle.send)
    if cycle.status != 200:
        msg = f"{path} answered {cycle.status}"
        raise RuntimeError(msg)


class Cycle:
    """One request on the server's side, with the attribute that uvicorn's has."""

    def __init__(self) -> None:
        self.disconnected = False
        self.status = 0

    async def receive(self) -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]


class Lifespan:
    """Start-up and shutdown of an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._started = asyncio.Event()
        self._stop = asyncio.Event()

    async def start(self) -> None:
        self._running = asyncio.create_task(self._run())
        await self._started.wait()

    async def stop(self) -> None:
        self._stop.set()
        await self._running

    async def _run(self) -> None:
        await self._app(
            {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, self._receive, self._send
        )

    async def _receive(self) -> Message:
        if self._started.is_set():
            await self._stop.wait()
            return {"type": "lifespan.shutdown"}
        return {"type": "lifespan.startup"}

    async def _send(self, message: Message) -> None:
        if message["type"].startswith("lifespan.startup"):
            self._started.set()


def request_scope(path: str) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": list(_HEADERS),
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "state": {},
    }
