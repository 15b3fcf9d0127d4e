"""`python -m service worker`, as a process that is stopped and killed."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import httpx2
import psutil
import pytest

from service.infra.embedded.ports import free_port
from service.settings import Settings
from tests.connections import COUNT, Witness, until_closed
from tests.instances import PATIENT, Instance, eventually, is_connected, run_service
from tests.integration.jobs.conftest import until
from tests.locks import until_blocked
from tests.otlp import Collector, Span, running_collector

Start = Callable[..., Instance]


@pytest.fixture
def environment(settings: Settings, silent_smtp: int) -> dict[str, str]:
    """Of a worker whose mail server says nothing: each of its jobs goes on and on."""
    return {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "TOKEN_SECRET": settings.token_secret.get_secret_value(),
        "SMTP_URL": f"smtp://127.0.0.1:{silent_smtp}",
        "SMTP_TIMEOUT": "600",
        "JOB_LEASE_SECONDS": "3",
        "WORKER_DRAIN_SECONDS": "0.2",
    }


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as workers:

        def start(name: str, **more: str) -> Instance:
            folder, port = tmp_path / name, free_port()
            folder.mkdir()
            settings = environment | {"WORKER_METRICS_PORT": str(port)} | more
            worker = Instance(folder, "worker", port=port, settings=settings)
            workers.callback(worker.stop)
            return worker

        yield start


async def add_welcome(queue: asyncpg.Connection) -> int:
    user_id = await queue.fetchval(
        "INSERT INTO users (email, name, password_hash) VALUES (gen_random_uuid()::text, 'Ada', '') RETURNING id"
    )
    return int(
        await queue.fetchval(
            "INSERT INTO pgqueuer (priority, status, entrypoint, payload) VALUES "
            "(0, 'queued', 'send_welcome_email', convert_to(format('{\"user_id\":%s}', $1::bigint), 'UTF8')) "
            "RETURNING id",
            user_id,
        )
    )


async def add_cleaning(queue: asyncpg.Connection) -> int:
    return int(
        await queue.fetchval(
            "INSERT INTO pgqueuer (priority, status, entrypoint, payload) "
            "VALUES (0, 'queued', 'forget_idempotency_keys', '{}') RETURNING id"
        )
    )


async def is_gone(queue: asyncpg.Connection, job: int) -> bool:
    return not await queue.fetchval("SELECT count(*) FROM pgqueuer WHERE id = $1", job)


async def owner_of(queue: asyncpg.Connection, job: int) -> object:
    return await queue.fetchval(
        "SELECT queue_manager_id FROM pgqueuer WHERE id = $1 AND status = 'picked'", job
    )


async def test_a_killed_workers_job_is_taken_over_and_a_stopped_one_puts_it_back(
    start: Start, queue: asyncpg.Connection
) -> None:
    first, job = start("first"), await add_welcome(queue)
    await until(lambda: owner_of(queue, job))
    owner = await owner_of(queue, job)
    second = start("second")
    eventually("the second runs", lambda: "at once" in second.output)
    first.signal(signal.SIGKILL)
    first.wait()

    async def has_another_owner() -> bool:
        return await owner_of(queue, job) not in {None, owner}

    await until(has_another_owner)
    silence = await queue.fetchval("SELECT updated - created FROM pgqueuer WHERE id = $1", job)
    assert silence.total_seconds() > 3  # not before its lease was over

    second.signal(signal.SIGTERM)
    assert second.wait() == 0
    row = await queue.fetchrow("SELECT status, attempts, queue_manager_id FROM pgqueuer WHERE id = $1", job)
    assert row is not None
    assert tuple(row) == ("queued", 0, None)
    assert second.errors == ""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


async def test_at_its_end_jobs_are_finished_or_put_back_then_spans_are_sent_then_connections_closed(
    start: Start,
    queue: asyncpg.Connection,
    collector: Collector,
    database_url: str,
    silent_smtp: int,
) -> None:
    endless, blocked = await add_welcome(queue), await add_cleaning(queue)
    witness = Witness(
        database_url,
        f"SELECT ({COUNT}), (SELECT status FROM pgqueuer WHERE id = {endless}), "  # noqa: S608 (numbers)
        f"EXISTS (SELECT FROM pgqueuer WHERE id = {blocked})",
    )
    collector.on_arrival = witness.look
    async with queue.transaction():
        await queue.execute("LOCK TABLE idempotency_keys")
        patience = {**PATIENT, "JOB_LEASE_SECONDS": "300", "WORKER_DRAIN_SECONDS": "600"}
        worker = start("worker", **patience, **collector.environment)
        await until_blocked(queue)
        await until(lambda: owner_of(queue, endless))
        # From here on it waits for the mail server alone.
        process = psutil.Process(worker.process.pid)
        eventually("the e-mail is under way", lambda: is_connected(process, silent_smtp))
        worker.signal(signal.SIGTERM)
    await until(lambda: is_gone(queue, blocked))
    assert collector.spans == []
    worker.signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait) == 0
    assert worker.errors == ""
    jobs = {span.attributes.get("messaging.message.id"): span for span in collector.spans}
    for job, outcome in ((endless, "cancelled"), (blocked, "succeeded")):
        run = jobs[str(job)]
        assert run.attributes["task.outcome"] == outcome
        inside = [span for span in collector.spans if span.span.kind == Span.SPAN_KIND_CLIENT]
        assert any(span.is_within(run) for span in inside)
    assert witness.answers
    for connections, status, is_there in witness.answers:
        assert (connections > 0, status, is_there) == (True, "queued", False)
    await until_closed(queue)


async def test_a_collector_that_does_not_answer_holds_up_its_end_for_its_bound_alone(
    start: Start, queue: asyncpg.Connection, collector: Collector
) -> None:
    collector.answers.clear()
    job = await add_cleaning(queue)
    worker = start("worker", **collector.environment)
    await until(lambda: is_gone(queue, job))
    worker.signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait) == 0
    # It has waited in vain, and not until there was an answer.
    assert collector.spans == []
    assert worker.errors.count('"event": "telemetry_flush_given_up"') == 1
    await until_closed(queue)


async def test_a_worker_says_what_it_does_and_is_scraped(start: Start) -> None:
    worker = start("worker")
    eventually("it runs", lambda: worker.output.endswith("\n"))
    assert worker.output == (
        f"The worker runs up to 10 jobs at once; its metrics are on {worker.base}/metrics\n"
    )
    eventually("it is scraped", lambda: is_scraped(worker))
    exposed = worker.get("/metrics").text
    assert 'background_queue_depth{state="due",task="send_welcome_email"}' in exposed
    assert 'service_build_info{version="' in exposed
    failed = 'task="send_welcome_email",runner="worker",outcome="failed"'
    assert f"background_task_duration_seconds_count{{{failed}}} 0" in exposed


def is_scraped(worker: Instance) -> bool:
    try:
        return "background_queue_depth{" in worker.get("/metrics").text
    except httpx2.TransportError:
        return False


async def test_a_worker_without_a_mail_server_says_what_to_set(environment: dict[str, str]) -> None:
    refused = run_service(
        "worker", settings={**environment, "SMTP_URL": "", "WORKER_METRICS_PORT": str(free_port())}
    )
    assert refused.returncode == 1
    assert refused.stderr == (
        "glasshouse: SMTP_URL is not set: workers send e-mail, for example through smtp://localhost:1025\n"
    )
