"""What arrives at a collector of jobs on a real queue: nothing of a good one, everything of one that fails."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
import structlog
from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from observability.settings import TelemetrySettings
from observability.setup import Telemetry, instrument, instrument_worker
from service.infra.database import Database
from service.infra.jobs.handlers import JobContext
from service.settings import Settings
from tests.integration.conftest import running
from tests.integration.jobs.conftest import Greet, add, status_of, until, until_empty, working
from tests.otlp import Collector, Received, Span, Status, running_collector
from tests.unit.observability.server import request

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
ATTEMPTS = 3
SLEPT = 0.05
_SLOW = text(f"SELECT pg_sleep({SLEPT})")


class Broken(Exception):
    pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def telemetry_settings(collector: Collector) -> TelemetrySettings:
    return TelemetrySettings(trace_sample_ratio=0, slow_threshold=60, otlp_endpoint=collector.url)


@pytest.fixture
async def shop(database: Database, telemetry_settings: TelemetrySettings) -> AsyncIterator[FastAPI]:
    """An application whose every request enqueues a greeting."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.post("/guests")
    async def welcome() -> None:
        await add(database, Greet())

    instrument(app, service_name="shop", engine=database.writer, settings=telemetry_settings)
    async with running(app):
        yield app
    shut_down(app.state.telemetry)


def shut_down(telemetry: Telemetry) -> None:
    """Everything has been exported after it."""
    assert telemetry.tracing.provider is not None
    telemetry.tracing.provider.shutdown()


@pytest.fixture
def worker(
    settings: Settings, database: Database, redis: Redis, telemetry_settings: TelemetrySettings
) -> Callable[..., AbstractAsyncContextManager[None]]:
    def measure(queue: AsyncEngine) -> Telemetry:
        return instrument_worker(
            service_name="worker",
            engine={"queue": queue, "read": database.reader},
            redis=redis,
            settings=telemetry_settings,
        )

    @asynccontextmanager
    async def worker(*, fails: bool) -> AsyncIterator[None]:
        """One whose greetings ask PostgreSQL and Redis for something, and then may fail."""

        async def greet(job: Greet, _context: JobContext) -> None:
            async with database.reader.connect() as connection:
                await connection.execute(_SLOW)
            await redis.set("greeted", job.whom)
            if fails:
                raise Broken

        async with working(settings, greet, measure=measure) as (_, telemetry):
            yield
        shut_down(telemetry)

    return worker


async def test_a_job_that_fails_arrives_complete_attempt_by_attempt(
    shop: FastAPI, worker: Any, queue: asyncpg.Connection, collector: Collector
) -> None:
    reply = await request(shop, "/guests", "POST")
    assert reply.status == 200
    async with worker(fails=True):
        await until(lambda: is_dead(queue))
    runs = spans_of(collector, "process greet")
    assert {span.trace_id for span in collector.spans} == {reply.header("x-trace-id")}
    assert [run.attributes["task.attempt"] for run in runs] == list(range(1, ATTEMPTS + 1))
    assert [run.attributes["task.outcome"] for run in runs] == ["retried", "retried", "failed"]
    assert len({run.span.parent_span_id for run in runs}) == 1
    for run in runs:
        assert (run.span.kind, run.span.status.code) == (Span.SPAN_KIND_CONSUMER, Status.STATUS_CODE_ERROR)
        assert run.events["exception"]["exception.type"].endswith(".Broken")
        assert run.resource["service.name"] == "worker"
        query, command = inside_of(run, collector)
        assert (query.attributes["db.query.text"], command.span.name) == ("SELECT pg_sleep(?)", "SET")
        assert SLEPT * 0.9 <= query.seconds <= run.seconds
        assert query.span.end_time_unix_nano <= command.span.start_time_unix_nano
    for before, after in pairwise(runs):
        assert [link.span_id for link in after.span.links] == [before.span.span_id]
        assert before.span.end_time_unix_nano <= after.span.start_time_unix_nano


async def test_the_log_says_of_which_attempt_it_speaks(
    shop: FastAPI,
    worker: Any,
    queue: asyncpg.Connection,
    collector: Collector,
    events: list[structlog.typing.EventDict],
) -> None:
    await request(shop, "/guests", "POST")
    async with worker(fails=True):
        await until(lambda: is_dead(queue))
    said = [event for event in events if event["event"] in {"job_will_be_retried", "job_dead"}]
    runs = [(run.trace_id, run.span.span_id.hex()) for run in spans_of(collector, "process greet")]
    assert len(runs) == ATTEMPTS
    assert [(event["trace_id"], event["span_id"]) for event in said] == runs


async def test_a_good_job_sends_nothing(
    shop: FastAPI, worker: Any, queue: asyncpg.Connection, collector: Collector
) -> None:
    await request(shop, "/guests", "POST")
    async with worker(fails=False):
        await until_empty(queue)
    assert collector.spans == []


async def test_a_job_of_a_chosen_trace_is_inside_of_what_enqueued_it(
    shop: FastAPI, worker: Any, queue: asyncpg.Connection, collector: Collector
) -> None:
    headers = [(b"traceparent", f"00-{CALLER}-00f067aa0ba902b7-01".encode())]
    await request(shop, "/guests", "POST", headers=headers)
    shop.state.telemetry.tracing.flush()
    async with worker(fails=False):
        await until_empty(queue)
    (server,) = spans_of(collector, "POST /guests")
    (producer,) = spans_of(collector, "send greet")
    (run,) = spans_of(collector, "process greet")
    assert {span.trace_id for span in collector.spans} == {CALLER}
    assert producer.is_within(server)
    assert producer.span.kind == Span.SPAN_KIND_PRODUCER
    (insertion,) = inside_of(producer, collector)
    assert "nextval" in insertion.attributes["db.query.text"]
    assert run.span.parent_span_id == producer.span.span_id
    assert (run.attributes["task.outcome"], run.span.status.code) == ("succeeded", Status.STATUS_CODE_UNSET)


async def is_dead(queue: asyncpg.Connection) -> bool:
    return await status_of(queue) == ["failed"]


def spans_of(collector: Collector, name: str) -> list[Received]:
    """Those of this name in the order in which they began."""
    found = [span for span in collector.spans if span.span.name == name]
    return sorted(found, key=lambda each: each.span.start_time_unix_nano)


def inside_of(outer: Received, collector: Collector) -> list[Received]:
    """Calls of its own in the order in which they began; those of a pool are another matter."""
    found = [span for span in collector.spans if span.span.kind == Span.SPAN_KIND_CLIENT]
    return sorted(
        (span for span in found if span.is_within(outer)), key=lambda each: each.span.start_time_unix_nano
    )
