"""`python -m service jobs`, as operators type it."""

import asyncio
import re

import asyncpg
import pytest
from typer.testing import CliRunner

from service.__main__ import cli

ADD = """
INSERT INTO pgqueuer (priority, status, entrypoint, payload, attempts, dedupe_key)
VALUES (0, $1::text::pgqueuer_status, $2, convert_to($3, 'UTF8'), $4, $5) RETURNING id
"""
FAIL = """
INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority, traceback)
VALUES ($1, 'failed', 'greet', 0, '{"exception_type": "Broken", "exception_message": "no such door"}')
"""


async def add(
    queue: asyncpg.Connection, status: str, task: str = "greet", *, attempts: int = 0, key: str | None = None
) -> int:
    return int(await queue.fetchval(ADD, status, task, '{"whom":"Ada"}', attempts, key))


async def statuses(queue: asyncpg.Connection) -> dict[int, str]:
    return {row["id"]: row["status"] for row in await queue.fetch("SELECT id, status FROM pgqueuer")}


async def jobs(database_url: str, *arguments: str) -> tuple[int, str, str]:
    run = CliRunner(env={"DATABASE_URL": database_url}).invoke
    done = await asyncio.to_thread(run, cli, ["jobs", *arguments])
    return done.exit_code, done.stdout, done.stderr


def cells(table: str) -> list[list[str]]:
    lines = [line for line in table.splitlines() if "│" in line or "┃" in line]
    return [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in lines]


async def test_what_is_dead_is_listed_with_its_reason(database_url: str, queue: asyncpg.Connection) -> None:
    dead = await add(queue, "failed", attempts=2)
    await queue.execute(FAIL, dead)
    for _ in range(3):
        await add(queue, "queued")
    status, output, errors = await jobs(database_url, "list")
    assert (status, errors) == (0, "")
    rows = cells(output)
    assert rows[0] == ["Job", "State", "Jobs", "Oldest"]
    assert [row[:3] for row in rows[1:3]] == [["greet", "dead", "1"], ["greet", "due", "3"]]
    assert rows[3] == ["Id", "Job", "Tries", "Since", "Payload", "Reason"]
    assert [*rows[4][:3], *rows[4][4:]] == [str(dead), "greet", "3", '{"whom":"Ada"}', "Broken: no such door"]
    assert len(rows) == 5


@pytest.mark.usefixtures("queue")
async def test_an_empty_queue_is_said_to_be_empty(database_url: str) -> None:
    assert await jobs(database_url, "list") == (0, "The queue is empty\n", "")


async def test_a_dead_job_is_retried_with_all_its_attempts(
    database_url: str, queue: asyncpg.Connection
) -> None:
    first, second = await add(queue, "failed", attempts=7), await add(queue, "failed")
    assert await jobs(database_url, "retry", str(first)) == (0, "Retrying 1 job\n", "")
    assert await statuses(queue) == {first: "queued", second: "failed"}
    assert await queue.fetchval("SELECT attempts FROM pgqueuer WHERE id = $1", first) == 0


async def test_of_dead_jobs_with_one_key_no_more_than_one_is_retried(
    database_url: str, queue: asyncpg.Connection
) -> None:
    waits, dead = await add(queue, "queued", key="a"), await add(queue, "failed", key="a")
    one, two = await add(queue, "failed", key="b"), await add(queue, "failed", key="b")
    assert (await jobs(database_url, "retry", "--all"))[:2] == (0, "Retrying 1 job\n")
    assert await statuses(queue) == {waits: "queued", dead: "failed", one: "queued", two: "failed"}


async def test_dead_jobs_are_discarded_and_others_left_alone(
    database_url: str, queue: asyncpg.Connection
) -> None:
    dead, other, waits = (
        await add(queue, "failed"),
        await add(queue, "failed", "wave"),
        await add(queue, "queued"),
    )
    assert await jobs(database_url, "discard", str(dead), str(waits)) == (
        1,
        "Discarded 1 job\n",
        f"Left alone, because not dead: {waits}\n",
    )
    assert await jobs(database_url, "discard", "--task", "wave") == (0, "Discarded 1 job\n", "")
    assert await statuses(queue) == {waits: "queued"}
    assert other not in await statuses(queue)


@pytest.mark.parametrize("command", ["retry", "discard"])
async def test_nothing_is_done_to_jobs_that_nobody_named(database_url: str, command: str) -> None:
    status, _, errors = await jobs(database_url, command)
    assert status == 2
    assert "name jobs by their ids" in errors
