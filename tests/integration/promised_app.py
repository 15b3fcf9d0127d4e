"""One application with everything that telemetry is promised for."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, BackgroundTasks, FastAPI, Request, WebSocket
from fastapi.sse import EventSourceResponse
from fastapi_cache.decorator import cache
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from observability.context import mark_limit, mark_shed

# Longer than any threshold, however fast the machine.
_STEPS = 10_000_000


def make_app(engine: AsyncEngine, redis: Redis, static: Path) -> FastAPI:
    app = FastAPI()
    v1, items = APIRouter(prefix="/v1"), APIRouter(prefix="/items")
    _add_items(items, engine)
    v1.include_router(items)
    app.include_router(v1, prefix="/api")
    app.mount("/admin", _admin())
    app.mount("/legacy", Starlette(routes=[Route("/pages/{name}", _page)]))
    app.mount("/static", StaticFiles(directory=static))
    _add_streams(app)
    _add_websocket(app)
    _add_tasks(app)
    _add_faults(app, engine)

    @app.get("/cached")
    @cache(expire=60)
    async def cached() -> int:
        return 42

    @app.get("/visits")
    async def visits() -> int:
        async with redis.pipeline() as pipeline:
            pipeline.incr("visits")
            pipeline.expire("visits", 60)
            counted: list[int] = await pipeline.execute()
        return counted[0]

    return app


def _add_items(items: APIRouter, engine: AsyncEngine) -> None:
    async def query(statement: str, **values: Any) -> Any:
        async with engine.begin() as connection:
            return await connection.scalar(text(statement), values)

    @items.get("")
    async def list_items() -> list[int]:
        return [await query("SELECT cast(:number AS int)", number=number) for number in range(3)]

    @items.api_route("/{item_id}", methods=["GET", "HEAD"])
    async def read_item(item_id: int) -> int:
        found: int = await query("SELECT cast(:number AS int)", number=item_id)
        return found

    @items.api_route("", methods=["PURGE"], status_code=202)
    async def purge() -> None:
        pass

    @items.post("", status_code=201)
    async def add_item() -> None:
        await query("INSERT INTO promised VALUES (1) RETURNING id")

    @items.delete("/{item_id}", status_code=204)
    async def remove_item(item_id: int) -> None:
        await query("DELETE FROM missing WHERE id = :number", number=item_id)


def _admin() -> FastAPI:
    admin, users = FastAPI(), APIRouter(prefix="/users")

    @users.get("/{user_id}")
    def read_user(user_id: int) -> int:
        return user_id

    admin.include_router(users)
    return admin


def _page(_request: Request) -> Response:
    return PlainTextResponse("a page")


def _add_streams(app: FastAPI) -> None:
    @app.get("/export")
    async def export() -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            for number in range(3):
                yield b"%d\n" % number

        return StreamingResponse(lines())

    @app.get("/events", response_class=EventSourceResponse)
    async def events() -> AsyncIterator[dict[str, int]]:
        for number in range(3):
            yield {"number": number}

    @app.get("/broken-stream")
    async def broken_stream() -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            yield b"one"
            raise ZeroDivisionError

        return StreamingResponse(lines())


def _add_websocket(app: FastAPI) -> None:
    @app.websocket("/rooms/{room}")
    async def talk(socket: WebSocket, room: str) -> None:
        if room == "closed":
            return
        await socket.accept()
        await socket.receive_text()
        await socket.close(4000)


def _add_tasks(app: FastAPI) -> None:
    @app.post("/register", status_code=201)
    async def register(tasks: BackgroundTasks, request: Request) -> None:
        tasks.add_task(welcome, request.headers.get("x-email", ""))
        tasks.add_task(audit)


def welcome(email: str) -> None:
    if not email:
        raise ValueError


async def audit() -> None:
    pass


def _add_faults(app: FastAPI, engine: AsyncEngine) -> None:
    @app.get("/fail")
    async def fail() -> None:
        raise ZeroDivisionError

    @app.get("/shed")
    async def shed() -> Response:
        mark_shed()
        return PlainTextResponse("busy", status_code=503)

    @app.get("/limited")
    async def limited() -> Response:
        mark_limit("rate")
        return PlainTextResponse("enough", status_code=429)

    @app.get("/patient")
    async def patient(request: Request) -> None:
        """Answers when its client has left."""
        await request.body()
        assert (await request.receive())["type"] == "http.disconnect"

    @app.get("/greedy")
    async def greedy() -> Response:
        """Takes the only connection, and waits for another in vain."""
        async with engine.connect():
            try:
                await engine.connect().start()
            except PoolTimeoutError:
                return PlainTextResponse("no connection", status_code=503)
        raise AssertionError

    @app.get("/compute")
    async def compute() -> int:
        return crunch()


def crunch() -> int:
    """Keeps the event loop from everybody else."""
    result = 0
    for step in range(_STEPS):
        result += step % 7
    return result
