"""The measured clients on real servers: nothing that fakes leave out changes what is counted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi_cache import FastAPICache
from fastapi_cache.backends.redis import RedisBackend
from fastapi_cache.decorator import cache
from opentelemetry import trace
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import greenlet_spawn

from observability import context
from observability.context import RequestRecord
from observability.metrics.registry import Registry
from observability.settings import TelemetrySettings
from observability.setup import instrument, instrument_worker
from observability.testing import recorded, series
from tests.otlp import running_collector
from tests.unit.observability.server import request, until

OPERATIONS = "db_client_operation_duration_seconds_count"
POOL = "db_client_connection_"

Count = Callable[..., float | None]


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
async def engine(database_url: str, registry: Registry) -> AsyncIterator[AsyncEngine]:
    url = database_url.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url, pool_size=2, max_overflow=0, pool_timeout=10)
    instrument_worker(service_name="shop", engine={"main": engine}, registry=registry)
    yield engine
    await engine.dispose()


@pytest.fixture
async def redis(redis_url: str, registry: Registry) -> AsyncIterator[Redis]:
    redis = Redis.from_url(redis_url)
    instrument_worker(service_name="shop", redis=redis, registry=registry)
    yield redis
    await redis.aclose()


def operations(registry: Registry, system: str) -> dict[tuple[str, str], float]:
    found = series(registry, OPERATIONS, db_system_name=system)
    return {
        (dict(labels)["db_operation_name"], dict(labels)["error_type"]): value
        for labels, value in found.items()
    }


def usage(registry: Registry) -> dict[str, float]:
    found = series(registry, f"{POOL}count")
    return {dict(labels)["db_client_connection_state"]: value for labels, value in found.items()}


async def test_every_way_to_query_is_counted(engine: AsyncEngine, registry: Registry) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    async with AsyncSession(engine) as session:
        await session.execute(text("SELECT 2"))
    await greenlet_spawn(in_one_greenlet, engine)
    assert operations(registry, "postgresql")["SELECT", ""] >= 3
    assert recorded(registry, f"{POOL}use_time_seconds_count") == 3
    assert usage(registry) == {"used": 0, "idle": 1}


def in_one_greenlet(engine: AsyncEngine) -> None:
    with engine.sync_engine.connect() as connection:
        connection.execute(text("SELECT 3"))


async def test_what_sqlalchemy_asks_a_new_server_is_no_query_of_the_request(engine: AsyncEngine) -> None:
    record = RequestRecord(7, "", is_sampled=False)
    token = context.enter(record)
    await sleeping(engine)
    context.leave(token)
    assert record.query_count == 1


async def test_a_failed_query_is_counted_with_its_error(engine: AsyncEngine, registry: Registry) -> None:
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError):
            await connection.execute(text("SELECT nothing FROM nowhere"))
    assert operations(registry, "postgresql")["SELECT", "ProgrammingError"] == 1


async def test_waiting_and_connecting_are_told_apart(engine: AsyncEngine, registry: Registry) -> None:
    await asyncio.gather(*(sleeping(engine) for _ in range(6)))
    assert recorded(registry, f"{POOL}create_time_seconds_count") == 2
    assert recorded(registry, f"{POOL}wait_time_seconds_count") == 6
    # The first two connect and do not wait; the next two wait for one query, the last two for two.
    waited = recorded(registry, f"{POOL}wait_time_seconds_sum")
    assert waited is not None
    assert waited >= 0.3 * 0.9
    assert recorded(registry, f"{POOL}pending_requests") == 0


async def sleeping(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT pg_sleep(0.05)"))


async def test_a_storm_of_cancelled_queries_leaves_the_gauges_right(
    engine: AsyncEngine, registry: Registry
) -> None:
    begun: list[str] = []

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def begin(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        begun.append(statement)

    for are_under_way in (
        lambda: recorded(registry, f"{POOL}pending_requests") == 4,
        lambda: len(begun) >= 2,
    ):
        for _ in range(5):
            begun.clear()
            sleepers = [asyncio.create_task(sleeping(engine)) for _ in range(6)]
            await until(are_under_way)
            for sleeper in sleepers:
                sleeper.cancel()
            await asyncio.gather(*sleepers, return_exceptions=True)
    await sleeping(engine)
    assert recorded(registry, f"{POOL}pending_requests") == 0
    assert usage(registry)["used"] == 0
    assert operations(registry, "postgresql")["SELECT", "CancelledError"] >= 5


async def test_measuring_survives_dispose(engine: AsyncEngine, registry: Registry) -> None:
    await sleeping(engine)
    await engine.dispose()
    assert usage(registry) == {"used": 0, "idle": 0}
    await sleeping(engine)
    assert recorded(registry, f"{POOL}create_time_seconds_count") == 2
    assert usage(registry) == {"used": 0, "idle": 1}


async def test_redis_commands_and_pipelines_are_counted(redis: Redis, registry: Registry) -> None:
    await redis.set("stock", 1)
    pipeline: Any
    async with redis.pipeline() as pipeline:
        await pipeline.watch("stock")
        pipeline.multi()
        pipeline.incr("stock")
        pipeline.get("stock")
        assert await pipeline.execute() == [2, b"2"]
    async with redis.lock("guard", timeout=1):
        pass
    with pytest.raises(ResponseError):
        await redis.lpush("stock", "no list")
    counted = operations(registry, "redis")
    assert counted["PIPELINE", ""] == 1
    assert counted["WATCH", ""] == 1
    assert counted["LPUSH", "ResponseError"] == 1
    assert counted["SET", ""] == 2
    assert ("INCR", "") not in counted


async def test_subscribers_and_single_connections_still_work(redis: Redis, registry: Registry) -> None:
    async with redis.pubsub() as subscriber:
        await subscriber.subscribe("news")
        await redis.publish("news", "hello")
        said = [await subscriber.get_message(timeout=1) for _ in range(2)]
    assert [message and message["data"] for message in said] == [1, b"hello"]
    async with redis.client() as alone:
        await alone.ping()
    assert operations(registry, "redis")["PING", ""] == 1


async def test_stock_fastapi_cache_on_redis_is_measured(redis: Redis, registry: Registry) -> None:
    app = FastAPI()

    @app.get("/products")
    @cache(expire=60)
    async def read() -> list[int]:
        return [1, 2, 3]

    telemetry = instrument(app, service_name="shop")
    FastAPICache.init(RedisBackend(redis))
    try:
        for _ in range(3):
            assert (await request(app, "/products")).body == b"[1,2,3]"
    finally:
        FastAPICache.reset()
    labels = {"cache": "fastapi-cache2"}
    assert recorded(telemetry.registry, "cache_requests_total", result="miss", **labels) == 1
    assert recorded(telemetry.registry, "cache_requests_total", result="hit", **labels) == 2
    assert operations(registry, "redis")["PIPELINE", ""] == 3


@pytest.mark.parametrize(("ratio", "names"), [(0, ["GET /"]), (1, ["GET /", "theirs"])])
async def test_spans_of_opentelemetrys_own_api_are_in_traces_that_were_chosen(
    ratio: float, names: list[str]
) -> None:
    with running_collector() as collector:
        settings = TelemetrySettings(
            otlp_endpoint=collector.url, trace_sample_ratio=ratio, slow_threshold=0, request_log=False
        )
        app = FastAPI()
        telemetry = instrument(app, service_name="shop", settings=settings)
        tracer = trace.get_tracer("shop", tracer_provider=telemetry.tracer_provider)

        @app.get("/")
        async def read() -> None:
            with tracer.start_as_current_span("theirs"):
                pass

        reply = await request(app, "/")
        await telemetry.flush()
        assert [each.span.name for each in collector.trace(reply.header("x-trace-id"))] == names
        assert telemetry.tracer_provider is not None
        telemetry.tracer_provider.shutdown()
