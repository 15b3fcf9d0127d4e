"""What the calls of a kept request say on its trace."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from sqlalchemy import Engine, QueuePool, create_engine
from sqlalchemy.exc import OperationalError

from observability.settings import TelemetrySettings
from observability.setup import instrument
from observability.tracing.buffer import FIRST, SLOWEST
from tests.unit.observability.server import request
from tests.unit.observability.tracing.conftest import Collector

# Of one request; and the span of the connection that they take.
QUERIES, CONNECTING = 10_000, 1

Serve = Callable[[Callable[..., Any]], FastAPI]


class ScriptedPipeline(Pipeline):
    """Answers without a server."""

    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002  redis-py's signature
        return ["OK" for _ in self.command_stack if raise_on_error]


class ScriptedRedis(Redis):
    """Answers without a server."""

    async def execute_command(self, *_arguments: Any, **_options: Any) -> Any:
        return b"value"

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT001, FBT002  redis-py's signature
        return ScriptedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = create_engine(
        "sqlite:///file:shop?mode=memory&uri=true&check_same_thread=false", poolclass=QueuePool, pool_size=1
    )
    yield engine
    engine.dispose()


@pytest.fixture
def client() -> Any:
    return ScriptedRedis()


@pytest.fixture
def serve(engine: Engine, client: Any, collector: Collector) -> Serve:
    """An application with one endpoint, every request of which is kept."""

    def make(endpoint: Callable[..., Any]) -> FastAPI:
        app = FastAPI()
        app.add_api_route("/", endpoint, methods=["GET"])
        settings = TelemetrySettings(trace_sample_ratio=0, slow_threshold=0)
        options: Any = {"engine": engine, "redis": client, "tracer_provider": collector.provider}
        instrument(app, service_name="shop", settings=settings, **options)
        return app

    return make


def calls(collector: Collector) -> list[tuple[str, SpanKind, dict[str, Any]]]:
    """What the spans of calls say, in the order in which they began."""
    server, *others = collector.take()
    assert {each.parent and each.parent.span_id for each in others} == {server.context.span_id}
    return [told(each) for each in others]


def told(span: ReadableSpan) -> tuple[str, SpanKind, dict[str, Any]]:
    return span.name, span.kind, dict(span.attributes or {})


async def test_a_statement_tells_its_text_its_table_and_its_rows_but_no_value(
    serve: Serve, engine: Engine, collector: Collector
) -> None:
    async def work() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE doors (id INTEGER, state TEXT)")
            connection.exec_driver_sql("INSERT INTO doors VALUES (1, 'hidden'), (2, 'hidden')")
            with pytest.raises(OperationalError):
                connection.exec_driver_sql("SELECT 1 FROM nowhere")

    await request(serve(work), "/")
    connecting, *statements = calls(collector)
    assert connecting == ("connect", SpanKind.INTERNAL, {"db.client.connection.pool.name": "file:shop"})
    common = {"db.system.name": "sqlite", "db.namespace": "file:shop"}
    assert statements == [
        (
            "CREATE file:shop",
            SpanKind.CLIENT,
            {
                **common,
                "db.operation.name": "CREATE",
                "db.query.text": "CREATE TABLE doors (id INTEGER, state TEXT)",
            },
        ),
        (
            "INSERT doors",
            SpanKind.CLIENT,
            {
                **common,
                "db.operation.name": "INSERT",
                "db.collection.name": "doors",
                "db.query.text": "INSERT INTO doors VALUES (?, ?), (?, ?)",
                "db.response.returned_rows": 2,
            },
        ),
        (
            "SELECT nowhere",
            SpanKind.CLIENT,
            {
                **common,
                "db.operation.name": "SELECT",
                "db.collection.name": "nowhere",
                "db.query.text": "SELECT ? FROM nowhere",
                "error.type": "OperationalError",
            },
        ),
    ]


async def test_of_ten_thousand_queries_the_first_and_a_failed_one_stay_with_a_count_of_the_others(
    serve: Serve, engine: Engine, collector: Collector
) -> None:
    async def work() -> None:
        with engine.connect() as connection:
            for number in range(QUERIES):
                if number == QUERIES // 2:
                    with pytest.raises(OperationalError):
                        connection.exec_driver_sql("SELECT 1 FROM nowhere")
                else:
                    connection.exec_driver_sql("SELECT 1")

    await request(serve(work), "/")
    server, *others = collector.take()
    assert len(others) == FIRST + SLOWEST
    assert (server.attributes or {})["spans.omitted"] == CONNECTING + QUERIES - FIRST - SLOWEST
    assert [each.name for each in others[: FIRST + 1]].count("SELECT file:shop") >= FIRST - CONNECTING
    assert [each.name for each in others].count("SELECT nowhere") == 1


async def test_a_pipeline_tells_its_commands_and_how_many_but_no_value(
    serve: Serve, client: Any, collector: Collector
) -> None:
    async def work() -> None:
        await client.get("hidden")
        pipeline = client.pipeline()
        pipeline.set("hidden", "hidden").get("hidden")
        await pipeline.execute()

    await request(serve(work), "/")
    assert calls(collector) == [
        ("GET", SpanKind.CLIENT, {"db.system.name": "redis", "db.operation.name": "GET"}),
        (
            "PIPELINE",
            SpanKind.CLIENT,
            {
                "db.system.name": "redis",
                "db.operation.name": "PIPELINE",
                "db.operation.batch.size": 2,
                "db.query.text": "SET GET",
            },
        ),
    ]
