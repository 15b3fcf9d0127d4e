"""Celery with a Redis broker: `python -m celery -A tests.benchmarks.queues.on_celery worker`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

from celery import Celery

from tests.benchmarks.queues import job

app = Celery("benchmark", broker=job.BROKER_URL)
# As safe as it can be: acknowledged when it is done.
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, task_ignore_result=True)
run = app.task(name="run")(job.run)


@asynccontextmanager
async def enqueuing() -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    async def enqueue(jobs: int) -> None:
        for _ in range(jobs):
            run.delay(monotonic())

    yield enqueue
