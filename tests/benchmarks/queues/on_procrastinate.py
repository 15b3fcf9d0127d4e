"""procrastinate: `python -m procrastinate --app=tests.benchmarks.queues.on_procrastinate.app worker`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

from procrastinate import App, PsycopgConnector

from tests.benchmarks.queues import job

app = App(connector=PsycopgConnector(conninfo=job.BROKER_URL))


async def _run(enqueued: float) -> None:
    job.run(enqueued)


run = app.task(name="run")(_run)


@asynccontextmanager
async def enqueuing() -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    async def enqueue(jobs: int) -> None:
        await run.batch_defer_async(*({"enqueued": monotonic()} for _ in range(jobs)))

    async with app.open_async():
        yield enqueue
