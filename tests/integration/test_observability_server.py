"""The measurement behind a real server: only there can clients really leave."""

import asyncio
import gc
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import ReferenceType, ref

import pytest
import uvicorn
from fastapi import BackgroundTasks, FastAPI
from starlette.responses import StreamingResponse

from observability import context
from observability.context import RequestRecord
from observability.logs.processors import add_ids
from observability.setup import Telemetry, instrument
from observability.testing import recorded, series
from tests.unit.observability.server import until

DURATIONS = "http_server_request_duration_seconds_count"
OUTCOMES = "http_server_request_outcomes_total"


@dataclass
class Shop:
    """An instrumented application, and the means to hold its requests up."""

    port: int = 0
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    telemetry: Telemetry | None = None
    record: ReferenceType[RequestRecord] | None = None
    connections: Collection[object] = ()

    def count(self, outcome: str, route: str) -> float | None:
        assert self.telemetry is not None
        return recorded(self.telemetry.registry, OUTCOMES, http_route=route, outcome=outcome)

    def answered(self, route: str) -> float:
        assert self.telemetry is not None
        return sum(series(self.telemetry.registry, DURATIONS, http_route=route).values())

    @asynccontextmanager
    async def asking(self, path: str) -> AsyncIterator[asyncio.StreamReader]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET {path} HTTP/1.1\r\nhost: shop\r\n\r\n".encode())
        try:
            yield reader
        finally:
            writer.close()
            await writer.wait_closed()


def application(shop: Shop) -> FastAPI:
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> str:
        shop.entered.set()
        await shop.may_end.wait()
        return "ok"

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def forever() -> AsyncIterator[bytes]:
            while True:
                yield b"more"
                await asyncio.sleep(0)

        return StreamingResponse(forever())

    @app.get("/remembered")
    async def remembered() -> str:
        record = context.current()
        assert record is not None
        shop.record = ref(record)
        return "ok"

    @app.get("/broken")
    async def broken() -> None:
        raise LookupError

    @app.get("/registered")
    async def registered(tasks: BackgroundTasks) -> str:
        tasks.add_task(shop.may_end.wait)
        return "ok"

    return app


@pytest.fixture(params=["httptools", "h11"])
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    shop = Shop()
    app = application(shop)
    shop.telemetry = instrument(app, service_name="shop")
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=request.param, log_config=None, loop="none"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    shop.connections = server.server_state.connections
    shop.port = server.servers[0].sockets[0].getsockname()[1]
    yield shop
    shop.may_end.set()
    server.should_exit = True
    await serving


async def test_a_client_that_leaves_before_the_response_burns_no_slo(shop: Shop) -> None:
    async with shop.asking("/slow"):
        await shop.entered.wait()
    await until(lambda: not shop.connections)
    shop.may_end.set()
    await until(lambda: shop.count("client_disconnected", "/slow"))
    assert shop.answered("/slow") == 0


async def test_a_client_that_leaves_in_mid_response_burns_no_slo(shop: Shop) -> None:
    async with shop.asking("/stream") as reader:
        await reader.readuntil(b"more")
    await until(lambda: shop.count("client_disconnected", "/stream"))
    assert shop.answered("/stream") == 0


async def test_a_client_that_stays_gets_its_answer_and_is_counted(shop: Shop) -> None:
    shop.may_end.set()
    async with shop.asking("/slow") as reader:
        head = await reader.readuntil(b"\r\n\r\n")
    assert b"x-process-time" in head
    assert b"x-trace-id" in head
    assert b"server-timing: app;dur=" in head
    assert shop.count("completed", "/slow") == 1
    assert shop.answered("/slow") == 1


async def test_a_client_that_leaves_during_background_tasks_had_its_answer(shop: Shop) -> None:
    async with shop.asking("/registered") as reader:
        await reader.readuntil(b'"ok"')
    assert shop.count("completed", "/registered") == 1
    assert shop.answered("/registered") == 1


async def test_a_connection_that_waits_for_its_next_request_keeps_nothing_of_the_last(shop: Shop) -> None:
    gc.disable()
    try:
        async with shop.asking("/remembered") as reader:
            await reader.readuntil(b'"ok"')
            record = shop.record
            assert record is not None
            await until(lambda: record() is None)
            assert shop.connections
    finally:
        gc.enable()


async def test_the_stack_of_a_request_that_failed_is_logged_with_its_trace(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    async with shop.asking("/broken") as reader:
        head = await reader.readuntil(b"\r\n\r\n")
    (record,) = [each for each in caplog.records if each.exc_info]
    event = add_ids(None, "error", {"event": record.getMessage(), "exc_info": record.exc_info})
    assert f"x-trace-id: {event['trace_id']}\r\n".encode() in head
