import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from observability.setup import Telemetry, instrument_worker
from service.infra.database import Database, autocommit_engine
from service.infra.embedded.ports import free_port
from service.infra.jobs.broker import queries_on
from service.infra.jobs.handlers import Handler, Handlers
from service.infra.jobs.job import Job, RetryPolicy
from service.infra.jobs.listener import Listener
from service.infra.jobs.queue import enqueue
from service.infra.jobs.worker import Worker
from service.settings import Settings


class Greet(Job):
    """A job of the tests, tried three times in quick succession."""

    name: ClassVar[str] = "greet"
    retry: ClassVar[RetryPolicy] = RetryPolicy(attempts=3, first_delay=0.01, max_delay=0.02)

    whom: str = "Ada"


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings)
    yield database
    await database.close()


@pytest.fixture
async def queue(postgres: asyncpg.Connection) -> asyncpg.Connection:
    """The module's database with nothing in its queue."""
    await postgres.execute("TRUNCATE pgqueuer, pgqueuer_log")
    return postgres


def measured(queue: AsyncEngine) -> Telemetry:
    return instrument_worker(service_name="tests", engine={"queue": queue})


@asynccontextmanager
async def working(
    settings: Settings,
    handler: Handler[Greet],
    *,
    concurrency: int = 4,
    lease: float = 30.0,
    drain: float = 30.0,
    measure: Callable[[AsyncEngine], Telemetry] = measured,
) -> AsyncIterator[tuple[Worker, Telemetry]]:
    """A worker that runs greetings until the end of the block."""
    handlers = Handlers()
    handlers.add(Greet, handler)
    engine = autocommit_engine(settings, "queue", 5)
    telemetry = measure(engine)
    worker = Worker(
        queries_on(engine),
        handlers,
        telemetry.measured_task,
        concurrency=concurrency,
        lease=lease,
        drain=drain,
    )
    listening = asyncio.create_task(Listener(engine).listen(worker.wake))
    running = asyncio.create_task(worker.run())
    try:
        yield worker, telemetry
    finally:
        worker.stop()
        await running
        listening.cancel()
        await asyncio.wait([listening])
        await engine.dispose()


async def add(database: Database, *jobs: Job) -> None:
    async with database.transaction() as session:
        for job in jobs:
            await enqueue(session, job)


async def status_of(queue: asyncpg.Connection) -> list[str]:
    """The states of the jobs in the queue, oldest first."""
    return [row["status"] for row in await queue.fetch("SELECT status FROM pgqueuer ORDER BY id")]


async def until(ask: Callable[[], Awaitable[Any]]) -> None:
    """Wait until the question is answered with something true."""
    async with asyncio.timeout(60):
        while not await ask():  # noqa: ASYNC110 (the answer is in a database)
            await asyncio.sleep(0.02)


async def until_empty(queue: asyncpg.Connection) -> None:
    async def is_empty() -> bool:
        return await status_of(queue) == []

    await until(is_empty)


@pytest.fixture
def silent_smtp() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port), backlog=100):
        yield port
