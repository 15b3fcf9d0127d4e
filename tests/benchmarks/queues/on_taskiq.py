"""taskiq with Redis streams, acknowledged when a job is done: `taskiq worker tests.benchmarks.queues.on_taskiq:broker`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

from taskiq_redis import RedisStreamBroker

from tests.benchmarks.queues import job

broker = RedisStreamBroker(job.BROKER_URL)


async def _run(enqueued: float) -> None:
    job.run(enqueued)


run = broker.register_task(_run, task_name="run")


@asynccontextmanager
async def enqueuing() -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    async def enqueue(jobs: int) -> None:
        for _ in range(jobs):
            await run.kiq(monotonic())

    await broker.startup()
    yield enqueue
    await broker.shutdown()
