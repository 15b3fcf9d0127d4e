from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import event

from observability import context
from observability.context import RequestRecord
from service.infra.database import Database
from service.infra.jobs.queue import enqueue, enqueue_all
from tests.integration.jobs.conftest import Greet, add, status_of


class Refused(Exception):
    pass


async def test_a_job_comes_with_the_commit(database: Database, queue: asyncpg.Connection) -> None:
    async with database.transaction() as session:
        await enqueue(session, Greet(whom="Grace"))
        assert await status_of(queue) == []
    rows = await queue.fetch("SELECT entrypoint, payload, status FROM pgqueuer")
    assert [tuple(row) for row in rows] == [("greet", b'{"whom":"Grace"}', "queued")]


async def test_a_transaction_that_rolls_back_enqueues_nothing(
    database: Database, queue: asyncpg.Connection
) -> None:
    async def enqueue_and_fail() -> None:
        async with database.transaction() as session:
            await enqueue(session, Greet())
            raise Refused

    with pytest.raises(Refused):
        await enqueue_and_fail()
    assert await status_of(queue) == []


async def test_a_key_enqueues_one_job_while_that_waits(database: Database, queue: asyncpg.Connection) -> None:
    for _ in range(2):
        async with database.transaction() as session:
            await enqueue(session, Greet(), idempotency_key="ada")
            await enqueue(session, Greet(), idempotency_key="grace")
    assert await status_of(queue) == ["queued", "queued"]


async def test_many_jobs_are_enqueued_with_one_statement_and_each_by_its_key(
    database: Database, queue: asyncpg.Connection
) -> None:
    names = ["Ada", "Grace", "Ada"]
    statements = list[str]()
    event.listen(
        database.writer.sync_engine, "before_cursor_execute", lambda *call: statements.append(call[2])
    )
    async with database.transaction() as session:
        await enqueue_all(session, [Greet(whom=name) for name in names], idempotency_keys=names)
        await enqueue_all(session, [])
    rows = await queue.fetch("SELECT payload, dedupe_key FROM pgqueuer ORDER BY id")
    assert [tuple(row) for row in rows] == [
        (b'{"whom":"Ada"}', "greet:Ada"),
        (b'{"whom":"Grace"}', "greet:Grace"),
    ]
    assert len(statements) == 1


async def test_a_delayed_job_is_due_later(database: Database, queue: asyncpg.Connection) -> None:
    async with database.transaction() as session:
        await enqueue(session, Greet(), delay=timedelta(hours=1))
    wait = await queue.fetchval("SELECT execute_after - created FROM pgqueuer")
    assert wait == timedelta(hours=1)


async def test_a_job_carries_the_trace_of_the_request_that_enqueued_it(
    database: Database, queue: asyncpg.Connection
) -> None:
    record = RequestRecord(0xABC, "", is_sampled=True)
    token = context.enter(record)
    try:
        await add(database, Greet())
    finally:
        context.leave(token)
    headers = await queue.fetchval("SELECT headers ->> 'traceparent' FROM pgqueuer")
    assert headers == f"00-{0xABC:032x}-{record.span_id}-01"
