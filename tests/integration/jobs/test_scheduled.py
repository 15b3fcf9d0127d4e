"""What is done by the clock."""

import asyncio

import asyncpg

from service.infra.database import Database, autocommit_engine
from service.infra.jobs.broker import queries_on
from service.infra.jobs.clock import keep_scheduling
from service.infra.jobs.handlers import JobContext, Schedule
from service.infra.jobs.history import ForgetHistory, History
from service.items.jobs import ForgetIdempotencyKeys, IdempotencyKeys
from service.settings import Settings
from tests.integration.jobs.conftest import Greet, status_of, until

CONTEXT = JobContext(job_id=1, attempt=1, attempts=1, headers={})


async def test_a_scheduled_job_is_enqueued_by_one_of_two_clocks(
    settings: Settings, queue: asyncpg.Connection
) -> None:
    engine = autocommit_engine(settings, "queue", 5)
    schedules = [Schedule(Greet(), "* * * * *")]
    clocks = [asyncio.create_task(keep_scheduling(queries_on(engine), schedules)) for _ in range(2)]

    async def is_registered() -> bool:
        return bool(await queue.fetch("SELECT FROM pgqueuer_schedules"))

    async def is_enqueued() -> bool:
        return bool(await status_of(queue))

    try:
        await until(is_registered)
        for clock in clocks:
            clock.cancel()
        await asyncio.wait(clocks)
        # Now that nobody can have begun with it: who takes a schedule and ends gives it to others only after a while.
        await queue.execute("UPDATE pgqueuer_schedules SET next_run = now(), status = 'queued'")
        clocks = [asyncio.create_task(keep_scheduling(queries_on(engine), schedules)) for _ in range(2)]
        await until(is_enqueued)
    finally:
        for clock in clocks:
            clock.cancel()
        await asyncio.wait(clocks)
        await engine.dispose()
    row = await queue.fetchrow("SELECT entrypoint, dedupe_key, status FROM pgqueuer")
    assert row is not None
    assert tuple(row) == ("greet", "greet:scheduled", "queued")
    assert len(await status_of(queue)) == 1


async def test_old_idempotency_keys_are_forgotten_some_at_a_time(
    database: Database, postgres: asyncpg.Connection
) -> None:
    user_id = await postgres.fetchval(
        "INSERT INTO users (email, name, password_hash) VALUES ('old@example.com', 'Old', '') RETURNING id"
    )
    await postgres.execute(
        """
        INSERT INTO idempotency_keys (user_id, key, request_digest, answer, created_at)
        SELECT $1, number::text, '', '', now() - make_interval(hours => number) FROM generate_series(22, 29) AS number
        """,
        user_id,
    )
    await IdempotencyKeys(database, batch=2).forget(ForgetIdempotencyKeys(), CONTEXT)
    left = await postgres.fetch("SELECT key FROM idempotency_keys WHERE user_id = $1 ORDER BY key", user_id)
    assert [row["key"] for row in left] == ["22", "23"]


async def test_the_history_of_jobs_that_ended_long_ago_is_forgotten(
    database: Database, queue: asyncpg.Connection
) -> None:
    await queue.execute(
        "INSERT INTO pgqueuer (id, priority, status, entrypoint) VALUES (1, 0, 'failed', 'greet')"
    )
    await queue.execute(
        """
        INSERT INTO pgqueuer_log (job_id, status, priority, entrypoint, created)
        SELECT id, 'queued', 0, 'greet', now() - make_interval(days => days)
        FROM unnest('{1, 2, 3}'::bigint[], '{8, 8, 6}'::integer[]) AS entry(id, days)
        """
    )
    await History(database).forget(ForgetHistory(), CONTEXT)
    left = await queue.fetch("SELECT job_id FROM pgqueuer_log ORDER BY job_id")
    assert [row["job_id"] for row in left] == [1, 3]
