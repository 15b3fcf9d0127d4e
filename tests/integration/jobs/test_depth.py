"""What is exposed of the queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from observability import conventions
from service.infra.database import autocommit_engine
from service.infra.jobs.depth import QueueDepth
from service.infra.jobs.listener import Listener
from service.settings import Settings
from tests.integration.jobs.conftest import until

FILL = """
INSERT INTO pgqueuer (priority, status, entrypoint, execute_after, updated)
VALUES (0, 'queued', 'greet', now() - interval '1 hour', now()),
       (0, 'queued', 'greet', now() - interval '1 minute', now()),
       (0, 'queued', 'greet', now() + interval '1 hour', now()),
       (0, 'picked', 'greet', now(), now() - interval '2 hours'),
       (0, 'failed', 'greet', now(), now() - interval '3 hours'),
       (0, 'queued', 'other', now(), now())
"""


MANY = """
INSERT INTO pgqueuer (priority, status, entrypoint)
SELECT 0, job.status::pgqueuer_status, job.task
FROM generate_series(1, 30000), (VALUES ('queued', 'greet'), ('failed', 'wave')) AS job(status, task)
"""


@asynccontextmanager
async def looking(settings: Settings) -> AsyncIterator[tuple[QueueDepth, asyncpg.Connection]]:
    """What one worker shows of the queue, and its connection."""
    engine = autocommit_engine(settings, "queue", 2)
    listener, heard = Listener(engine), asyncio.Event()
    listening = asyncio.create_task(listener.listen(heard.set))
    try:
        await heard.wait()
        yield QueueDepth(listener, ["greet", "wave"]), listener._connection
    finally:
        listening.cancel()
        await asyncio.wait([listening])
        await engine.dispose()


def shown(depth: QueueDepth) -> dict[tuple[str, str, str], float]:
    return {
        (metric.name, sample.labels["task"], sample.labels["state"]): sample.value
        for metric in depth.collect()
        for sample in metric.samples
    }


async def test_depth_and_age_are_shown_by_task_and_state(
    settings: Settings, queue: asyncpg.Connection
) -> None:
    await queue.execute(FILL)
    async with looking(settings) as (depth, _):
        await depth.read()
        values = shown(depth)
    jobs = {key[1:]: value for key, value in values.items() if key[0] == conventions.QUEUE_DEPTH.name}
    assert jobs == {
        ("greet", "due"): 2,
        ("greet", "delayed"): 1,
        ("greet", "running"): 1,
        ("greet", "dead"): 1,
        ("wave", "due"): 0,
        ("wave", "delayed"): 0,
        ("wave", "running"): 0,
        ("wave", "dead"): 0,
    }
    ages = {key[1:]: value for key, value in values.items() if key[0] == conventions.QUEUE_OLDEST_AGE.name}
    for state, hours in {"due": 1, "delayed": 0, "running": 2, "dead": 3}.items():
        assert hours * 3600 <= ages["greet", state] < hours * 3600 + 600
        assert ages["wave", state] == 0


async def test_one_worker_shows_the_queue_and_another_after_its_end(
    settings: Settings, queue: asyncpg.Connection
) -> None:
    await queue.execute(FILL)
    async with looking(settings) as (second, _), looking(settings) as (first, connection):
        await first.read()
        await second.read()
        assert shown(first)
        assert not shown(second)
        await queue.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())

        async def is_second() -> bool:
            await second.read()
            return bool(shown(second))

        await until(is_second)
        await first.read()
        assert not shown(first)


async def test_a_long_queue_is_counted_in_part_and_estimated(
    settings: Settings, queue: asyncpg.Connection
) -> None:
    await queue.execute(MANY)
    await queue.execute("ANALYZE pgqueuer")
    async with looking(settings) as (depth, _):
        await depth.read()
        values = shown(depth)
    jobs = {
        key[1:]: value for key, value in values.items() if key[0] == conventions.QUEUE_DEPTH.name and value
    }
    assert jobs.keys() == {("greet", "due"), ("wave", "dead")}
    # Half of the jobs are greetings and half of them wait; it is no quarter that does both.
    assert all(25_000 < number < 35_000 for number in jobs.values())
