"""Ours, instrumented as `python -m service worker` is: `python -m tests.benchmarks.queues.ours`."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import ClassVar

import uvloop

from observability.setup import instrument_worker
from service.infra.database import Database, autocommit_engine
from service.infra.jobs.broker import queries_on
from service.infra.jobs.handlers import Handlers, JobContext
from service.infra.jobs.job import Job
from service.infra.jobs.listener import Listener
from service.infra.jobs.queue import enqueue_all
from service.infra.jobs.worker import Worker
from service.settings import Settings
from service.working import QUEUE_CONNECTIONS
from tests.benchmarks.processes import SECRET
from tests.benchmarks.queues import job


class Run(Job):
    name: ClassVar[str] = "run"

    enqueued: float


async def work(settings: Settings) -> None:
    handlers, engine = Handlers(), autocommit_engine(settings, "queue", QUEUE_CONNECTIONS)
    handlers.add(Run, _run)
    telemetry = instrument_worker(service_name="benchmark", engine={"queue": engine})
    worker = Worker(
        queries_on(engine),
        handlers,
        telemetry.measured_task,
        concurrency=settings.worker_concurrency,
        lease=settings.job_lease_seconds,
        drain=settings.worker_drain_seconds,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    listening = asyncio.create_task(Listener(engine).listen(worker.wake))
    await worker.run()
    listening.cancel()
    await asyncio.wait([listening])
    await engine.dispose()


async def _run(run: Run, _context: JobContext) -> None:
    job.run(run.enqueued)


@asynccontextmanager
async def enqueuing() -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    database = Database(_settings())

    async def enqueue(jobs: int) -> None:
        async with database.transaction() as session:
            await enqueue_all(session, [Run(enqueued=monotonic()) for _ in range(jobs)])

    yield enqueue
    await database.close()


def _settings() -> Settings:
    # The jobs of this file need neither Redis nor tokens.
    return Settings.load(database_url=job.BROKER_URL, redis_url="redis://127.0.0.1:1", token_secret=SECRET)


if __name__ == "__main__":
    uvloop.run(work(_settings()))
