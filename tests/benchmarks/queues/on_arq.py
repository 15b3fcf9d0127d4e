"""arq: `python -m arq tests.benchmarks.queues.on_arq.WorkerSettings`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings

from tests.benchmarks.queues import job

_SETTINGS = RedisSettings.from_dsn(job.BROKER_URL)
# Like the others: it would log two lines for each job.
QUIET = {"version": 1, "loggers": {"arq": {"level": "WARNING"}}}


async def run(_context: dict[str, Any], enqueued: float) -> None:
    job.run(enqueued)


class WorkerSettings:
    functions = (run,)
    redis_settings = _SETTINGS
    keep_result = 0


@asynccontextmanager
async def enqueuing() -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    pool = await create_pool(_SETTINGS)

    async def enqueue(jobs: int) -> None:
        for _ in range(jobs):
            await pool.enqueue_job("run", monotonic())

    yield enqueue
    await pool.aclose()
