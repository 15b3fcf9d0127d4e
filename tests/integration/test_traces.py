"""What arrives at a collector: nothing of a good request, everything of a bad one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import pytest
from fastapi import BackgroundTasks, FastAPI
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from observability.settings import TelemetrySettings
from observability.setup import instrument
from observability.testing import recorded
from service.urls import asyncpg_url
from tests.integration.conftest import running
from tests.otlp import Collector, Received, Span, Status, running_collector
from tests.unit.observability.server import Reply, request, until

SLOW = 0.3
CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(asyncpg_url(database_url), pool_size=2, max_overflow=0, hide_parameters=True)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE IF NOT EXISTS doors (id int PRIMARY KEY, state text)"))
        await connection.execute(text("INSERT INTO doors VALUES (1, 'open') ON CONFLICT DO NOTHING"))
    yield engine
    await engine.dispose()


@pytest.fixture
async def silent_redis() -> AsyncIterator[Redis]:
    """A client of a server that takes connections and says nothing."""
    writers: list[asyncio.StreamWriter] = []

    async def listen(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Redis(port=port, socket_timeout=SLOW, retry=Retry(NoBackoff(), 0))
    yield client
    await client.aclose()
    for writer in writers:
        writer.close()
    server.close()


class Broken(Exception):
    pass


class Doors:
    """An application that opens doors, well and badly."""

    def __init__(self, engine: AsyncEngine, redis: Redis, silent: Redis) -> None:
        self._engine = engine
        self._redis = redis
        self._silent = silent
        self.app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
        for endpoint in (self.in_both, self.raising, self.frozen, self.failing_later):
            self.app.add_api_route(f"/{endpoint.__name__}", endpoint, methods=["GET"])

    async def in_both(self) -> None:
        query = text("SELECT state, 'a word' FROM doors WHERE id = :id AND state != :secret FOR UPDATE")
        async with self._engine.begin() as connection:
            await connection.execute(query, {"id": 1, "secret": "hidden-value"})
        async with self._redis.pipeline() as pipeline:
            pipeline.set("door", "hidden-value")
            pipeline.get("door")
            await pipeline.execute()

    async def raising(self) -> None:
        await self.in_both()
        raise Broken

    async def frozen(self) -> None:
        await self.in_both()
        with suppress(RedisTimeoutError):
            await self._silent.get("door")

    async def failing_later(self, tasks: BackgroundTasks) -> None:
        tasks.add_task(self.raising)


@asynccontextmanager
async def served(
    engine: AsyncEngine, redis_url: str, silent: Redis, collector: Collector, **choices: Any
) -> AsyncIterator[FastAPI]:
    """The application; what it exports has arrived when the block is over."""
    redis = Redis.from_url(redis_url)
    app = Doors(engine, redis, silent).app
    options: dict[str, Any] = {
        "trace_sample_ratio": 0,
        "slow_thresholds": {"/in_both": 60, "/failing_later": 60},
        "slow_threshold": SLOW / 2,
        "service_version": "1.2",
        "otlp_endpoint": collector.url,
        **choices,
    }
    instrument(
        app,
        service_name="doors",
        engine=engine,
        redis={"redis": redis, "silent": silent},
        settings=TelemetrySettings(**options),
    )
    async with running(app):
        yield app
    app.state.telemetry.tracing.provider.shutdown()
    await redis.aclose()


@pytest.fixture
async def app(
    engine: AsyncEngine, redis_url: str, silent_redis: Redis, collector: Collector
) -> AsyncIterator[FastAPI]:
    async with served(engine, redis_url, silent_redis, collector) as app:
        yield app


def trace_of(app: FastAPI, collector: Collector, reply: Reply) -> list[Received]:
    app.state.telemetry.tracing.flush()
    return collector.trace(reply.header("x-trace-id"))


def by_name(spans: list[Received]) -> dict[str, Received]:
    return {each.span.name: each for each in spans}


async def test_a_good_request_sends_nothing(app: FastAPI, collector: Collector) -> None:
    reply = await request(app, "/in_both")
    assert reply.status == 200
    assert trace_of(app, collector, reply) == []
    assert collector.spans == []


async def test_a_request_that_raises_arrives_complete(
    app: FastAPI, collector: Collector, database_url: str
) -> None:
    spans = by_name(trace_of(app, collector, await request(app, "/raising")))
    server, query, pipeline = spans["GET /raising"], spans["SELECT doors"], spans["PIPELINE"]
    assert server.span.kind == Span.SPAN_KIND_SERVER
    assert server.span.status.code == Status.STATUS_CODE_ERROR
    assert server.events["exception"]["exception.type"].endswith(".Broken")
    assert query.is_within(server)
    assert query.span.kind == pipeline.span.kind == Span.SPAN_KIND_CLIENT
    assert pipeline.is_within(server)
    assert query.attributes["db.query.text"] == (
        "SELECT state, ? FROM doors WHERE id = $1 AND state != $2 FOR UPDATE"
    )
    assert {**query.attributes, "db.query.text": ""} == {
        "db.system.name": "postgresql",
        "db.namespace": make_url(database_url).database,
        "db.operation.name": "SELECT",
        "db.collection.name": "doors",
        "db.response.returned_rows": 1,
        "db.query.text": "",
    }
    assert pipeline.attributes == {
        "db.system.name": "redis",
        "db.operation.name": "PIPELINE",
        "db.operation.batch.size": 2,
        "db.query.text": "SET GET",
    }
    assert "hidden-value" not in str(collector.spans)
    assert server.resource["service.name"] == "doors"
    assert server.resource["service.version"] == "1.2"
    assert server.resource["service.instance.id"]


async def test_a_request_that_waits_for_a_locked_row_arrives_with_the_wait(
    app: FastAPI, collector: Collector, postgres: asyncpg.Connection
) -> None:
    app.state.telemetry.settings.slow_thresholds["/in_both"] = SLOW / 2
    async with postgres.transaction():
        await postgres.execute("SELECT 1 FROM doors WHERE id = 1 FOR UPDATE")
        waiting = asyncio.create_task(request(app, "/in_both"))
        await asyncio.sleep(1)
    spans = by_name(trace_of(app, collector, await waiting))
    server, query = spans["GET /in_both"], spans["SELECT doors"]
    assert query.is_within(server)
    assert query.seconds > 0.5
    assert server.seconds > query.seconds
    assert server.span.status.code == Status.STATUS_CODE_UNSET


async def test_a_request_whose_redis_says_nothing_arrives_with_the_silence(
    app: FastAPI, collector: Collector
) -> None:
    reply = await request(app, "/frozen")
    assert reply.status == 200
    spans = by_name(trace_of(app, collector, reply))
    assert spans["GET"].is_within(spans["GET /frozen"])
    assert spans["GET"].seconds > SLOW * 0.9
    assert spans["GET"].attributes["error.type"] == "TimeoutError"
    assert spans["GET"].span.status.code == Status.STATUS_CODE_ERROR


async def test_a_request_whose_background_task_fails_arrives_with_it(
    app: FastAPI, collector: Collector
) -> None:
    reply = await request(app, "/failing_later")
    assert reply.status == 200
    spans = by_name(trace_of(app, collector, reply))
    server = spans["GET /failing_later"]
    (task,) = (each for name, each in spans.items() if name.startswith("run "))
    assert task.span.parent_span_id == server.span.span_id
    assert task.span.start_time_unix_nano >= server.span.end_time_unix_nano
    assert (task.attributes["task.outcome"], task.attributes["error.type"]) == ("failed", "Broken")
    assert spans["SELECT doors"].is_within(task)


async def test_a_wait_for_a_connection_is_shown(
    app: FastAPI, collector: Collector, engine: AsyncEngine
) -> None:
    async with engine.connect(), engine.connect():
        waiting = asyncio.create_task(request(app, "/raising"))
        pending = "db_client_connection_pending_requests"
        await until(lambda: recorded(app.state.telemetry.registry, pending) == 1)
    spans = by_name(trace_of(app, collector, await waiting))
    assert spans["wait for a connection"].is_within(spans["GET /raising"])


@pytest.mark.parametrize("kind", ["sampled", "kept"])
async def test_the_two_kinds_of_traces_have_the_same_structure(
    kind: str, engine: AsyncEngine, redis_url: str, silent_redis: Redis, collector: Collector
) -> None:
    async with served(
        engine, redis_url, silent_redis, collector, trace_sample_ratio=float(kind == "sampled")
    ) as app:
        reply = await request(app, "/raising")
        failing = await request(app, "/failing_later")
        spans = by_name(trace_of(app, collector, reply))
        others = by_name(trace_of(app, collector, failing))
    assert spans.keys() - {"connect"} == {"GET /raising", "SELECT doors", "PIPELINE"}
    server = spans.pop("GET /raising")
    assert all(each.is_within(server) for each in spans.values())
    (task,) = (each for name, each in others.items() if name.startswith("run "))
    assert task.span.parent_span_id == others["GET /failing_later"].span.span_id
    assert others["PIPELINE"].is_within(task)


async def test_a_callers_trace_goes_on(app: FastAPI, collector: Collector) -> None:
    headers = [(b"traceparent", f"00-{CALLER}-00f067aa0ba902b7-01".encode())]
    reply = await request(app, "/in_both", headers=headers)
    server = by_name(trace_of(app, collector, reply))["GET /in_both"]
    assert (server.trace_id, server.span.parent_span_id.hex()) == (CALLER, "00f067aa0ba902b7")


async def test_a_collector_that_refuses_costs_spans_and_nothing_else(
    app: FastAPI, collector: Collector
) -> None:
    collector.status = 400
    assert (await request(app, "/raising")).status == 500
    app.state.telemetry.tracing.flush()
    failed = recorded(app.state.telemetry.registry, "telemetry_spans_total", outcome="failed")
    assert failed is not None
    assert failed >= 3


async def test_a_collector_that_does_not_answer_keeps_no_request_waiting(
    app: FastAPI, collector: Collector
) -> None:
    collector.answers.clear()
    for _ in range(20):
        assert (await request(app, "/raising")).status == 500
    collector.answers.set()
    app.state.telemetry.tracing.flush()
    exported = recorded(app.state.telemetry.registry, "telemetry_spans_total", outcome="exported")
    assert exported is not None
    assert exported >= 60
