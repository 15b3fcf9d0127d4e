"""Workers on a real queue."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from observability import conventions
from observability.setup import Telemetry
from service.infra.database import Database
from service.infra.jobs.handlers import Discard, JobContext, Postpone
from service.settings import Settings
from tests.integration.jobs.conftest import Greet, add, status_of, until, until_empty, working
from tests.locks import until_blocked


class Broken(Exception):
    pass


async def reasons(queue: asyncpg.Connection) -> list[str]:
    """Why jobs were tried again or given up, oldest first."""
    rows = await queue.fetch(
        "SELECT traceback ->> 'exception_message' AS reason FROM pgqueuer_log WHERE traceback IS NOT NULL ORDER BY id"
    )
    return [row["reason"] for row in rows]


def runs(telemetry: Telemetry, outcome: str) -> float:
    """How many runs of a greeting ended so."""
    labels = {"task": "greet", "runner": "worker", "outcome": outcome}
    return telemetry_value(telemetry, f"{conventions.TASK_DURATION.name}_count", labels)


def telemetry_value(telemetry: Telemetry, name: str, labels: dict[str, str]) -> float:
    samples = (sample for metric in telemetry.registry.collect() for sample in metric.samples)
    return sum(sample.value for sample in samples if (sample.name, sample.labels) == (name, labels))


async def test_a_job_runs_and_is_gone(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    greeted = list[str]()

    async def greet(job: Greet, context: JobContext) -> None:
        assert (context.attempt, context.attempts, context.is_last_attempt) == (1, 3, False)
        greeted.append(job.whom)

    async with working(settings, greet) as (_, telemetry):
        await add(database, Greet(whom="Ada"), Greet(whom="Grace"))
        await until_empty(queue)
    assert sorted(greeted) == ["Ada", "Grace"]
    assert runs(telemetry, "succeeded") == 2
    delays = f"{conventions.TASK_QUEUE_DELAY.name}_count"
    assert telemetry_value(telemetry, delays, {"task": "greet", "runner": "worker"}) == 2


async def test_a_poison_job_is_held_after_its_attempts_and_blocks_nobody(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    attempts, greeted = list[tuple[int, int, bool]](), asyncio.Event()

    async def greet(job: Greet, context: JobContext) -> None:
        if job.whom == "Ada":
            greeted.set()
            return
        attempts.append((context.job_id, context.attempt, context.is_last_attempt))
        msg = "poison \0"
        raise Broken(msg)

    async with working(settings, greet, concurrency=1) as (_, telemetry):
        await add(database, Greet(whom="Eve"), Greet(whom="Ada"))
        await greeted.wait()
        await until(lambda: is_dead(queue))
    assert [(attempt, is_last) for _, attempt, is_last in attempts] == [(1, False), (2, False), (3, True)]
    assert len({job_id for job_id, _, _ in attempts}) == 1
    assert await reasons(queue) == ["poison \ufffd"] * 3
    assert (runs(telemetry, "retried"), runs(telemetry, "failed")) == (2, 1)


async def is_dead(queue: asyncpg.Connection) -> bool:
    return await status_of(queue) == ["failed"]


async def test_a_discarded_job_is_held_at_once(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    async def greet(_job: Greet, _context: JobContext) -> None:
        msg = "nobody of this name"
        raise Discard(msg)

    async with working(settings, greet) as (_, telemetry):
        await add(database, Greet())
        await until(lambda: is_dead(queue))
    assert await reasons(queue) == ["nobody of this name"]
    assert runs(telemetry, "failed") == 1


async def test_a_payload_of_another_version_is_held(settings: Settings, queue: asyncpg.Connection) -> None:
    async def greet(_job: Greet, _context: JobContext) -> None:
        pytest.fail("it must not run")

    await queue.execute(
        "INSERT INTO pgqueuer (priority, status, entrypoint, payload) VALUES (0, 'queued', 'greet', '{\"who\": 1}')"
    )
    async with working(settings, greet):
        await until(lambda: is_dead(queue))
    assert "the payload is not what this version" in (await reasons(queue))[0]


async def test_a_postponed_job_loses_no_attempt(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    attempts = list[int]()

    async def greet(_job: Greet, context: JobContext) -> None:
        attempts.append(context.attempt)
        if len(attempts) < 5:
            raise Postpone("busy", delay=timedelta(milliseconds=1))  # noqa: EM101

    async with working(settings, greet):
        await add(database, Greet())
        await until_empty(queue)
    assert attempts == [1] * 5


async def test_a_handler_whose_own_work_is_cancelled_has_failed(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    async def greet(_job: Greet, _context: JobContext) -> None:
        raise asyncio.CancelledError

    async with working(settings, greet):
        await add(database, Greet())
        await until(lambda: is_dead(queue))


async def test_no_more_jobs_run_at_once_than_there_are_seats(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    running, most = 0, 0
    both, go_on = asyncio.Event(), asyncio.Event()

    async def greet(_job: Greet, _context: JobContext) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            both.set()
        await go_on.wait()
        running -= 1

    async with working(settings, greet, concurrency=2):
        await add(database, *(Greet() for _ in range(6)))
        await both.wait()
        assert sorted(await status_of(queue)) == ["picked"] * 2 + ["queued"] * 4
        go_on.set()
        await until_empty(queue)
    assert most == 2


async def test_the_jobs_of_a_silent_worker_are_taken_over(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    greeted = asyncio.Event()

    async def greet(_job: Greet, _context: JobContext) -> None:
        greeted.set()

    await add(database, Greet())
    await queue.execute(
        "UPDATE pgqueuer SET status = 'picked', queue_manager_id = gen_random_uuid(), heartbeat = now() - interval '20 s'"
    )
    async with working(settings, greet, lease=10):
        await greeted.wait()
        await until_empty(queue)


async def test_a_job_that_is_longer_than_the_lease_runs_once(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    lease, began, go_on = 2.0, list[int](), asyncio.Event()

    async def greet(_job: Greet, context: JobContext) -> None:
        began.append(context.job_id)
        await go_on.wait()

    async with working(settings, greet, lease=lease), working(settings, greet, lease=lease):
        await add(database, Greet())
        await until(lambda: has_aged(queue, lease * 2))
        go_on.set()
        await until_empty(queue)
    assert len(began) == 1


async def has_aged(queue: asyncpg.Connection, seconds: float) -> bool:
    """Whether a job has been running for so long."""
    return bool(
        await queue.fetchval("SELECT now() - updated > make_interval(secs => $1) FROM pgqueuer", seconds)
    )


async def test_a_job_that_has_killed_its_workers_is_held(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    async def greet(_job: Greet, _context: JobContext) -> None:
        pytest.fail("it must not run")

    await add(database, Greet())
    await queue.execute(
        """
        INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority)
        SELECT id, 'picked', entrypoint, priority FROM pgqueuer, generate_series(1, 5)
        """
    )
    await queue.execute("UPDATE pgqueuer SET execute_after = now() - interval '1 hour'")
    async with working(settings, greet):
        await until(lambda: is_dead(queue))
    assert await reasons(queue) == ["5 workers have died while they ran it"]


async def test_a_stop_waits_for_what_runs_and_takes_no_more(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def greet(_job: Greet, _context: JobContext) -> None:
        began.set()
        await go_on.wait()

    async with working(settings, greet) as (worker, _):
        await add(database, Greet())
        await began.wait()
        worker.stop()
        await add(database, Greet())
        go_on.set()
    assert await status_of(queue) == ["queued"]


async def test_what_was_asked_for_before_a_stop_and_comes_after_it_is_put_back(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    greeted = list[str]()

    async def greet(job: Greet, _context: JobContext) -> None:
        greeted.append(job.whom)

    await add(database, Greet())
    lock = queue.transaction()
    await lock.start()
    await queue.execute("LOCK TABLE pgqueuer")
    async with working(settings, greet) as (worker, _):
        await until_blocked(queue)
        worker.stop()
        await lock.rollback()
    assert (greeted, await status_of(queue)) == ([], ["queued"])


@pytest.mark.parametrize("drain", [0.05, 3600.0])
async def test_what_does_not_end_in_time_is_put_back(
    settings: Settings, database: Database, queue: asyncpg.Connection, drain: float
) -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def greet(_job: Greet, _context: JobContext) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with working(settings, greet, drain=drain) as (worker, telemetry):
        await add(database, Greet())
        await began.wait()
        worker.stop()
        if drain > 1:
            worker.stop()  # a second time: at once
    assert cancelled.is_set()
    rows = await queue.fetch("SELECT status, attempts, queue_manager_id FROM pgqueuer")
    assert [tuple(row) for row in rows] == [("queued", 0, None)]
    assert runs(telemetry, "cancelled") == 1


async def test_a_worker_that_cannot_renew_gives_up_its_job_before_another_may_take_it(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    lease, running, most, ended = 2.0, 0, 0, asyncio.Event()

    async def greet(_job: Greet, context: JobContext) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            if not cut_off.is_set():
                cut_off.set()
                await asyncio.Event().wait()
            assert context.attempt == 1
            ended.set()
        finally:
            running -= 1

    async def fail(_ids: object) -> None:
        raise OSError

    cut_off = asyncio.Event()
    async with working(settings, greet, lease=lease) as (first, telemetry):
        first._jobs._queries.update_heartbeat = fail  # type: ignore[method-assign, assignment]
        await add(database, Greet())
        await cut_off.wait()
        async with working(settings, greet, lease=lease):
            await ended.wait()
            await until_empty(queue)
        assert runs(telemetry, "cancelled") == 1
    assert most == 1


async def test_a_worker_outlives_a_lost_connection(
    settings: Settings, database: Database, queue: asyncpg.Connection
) -> None:
    began, go_on, greeted = asyncio.Event(), asyncio.Event(), list[str]()

    async def greet(job: Greet, _context: JobContext) -> None:
        began.set()
        await go_on.wait()
        greeted.append(job.whom)

    async with working(settings, greet):
        await add(database, Greet(whom="before"))
        await began.wait()
        await queue.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'glasshouse-queue' AND datname = current_database()"
        )
        go_on.set()
        await add(database, Greet(whom="after"))
        await until_empty(queue)
    assert sorted(greeted) == ["after", "before"]
