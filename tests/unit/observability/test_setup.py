"""The one call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import QueuePool, create_engine
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from observability import context
from observability.conventions import SHED, UNMATCHED
from observability.errors import AlreadyInstrumented
from observability.metrics.registry import Registry
from observability.settings import TelemetrySettings
from observability.setup import instrument, instrument_worker
from observability.testing import recorded, series
from tests.unit.observability.server import Socket, request, start

OUTCOMES = "http_server_request_outcomes_total"


def shop() -> FastAPI:
    app = FastAPI()
    app.add_api_route("/", lambda: "ok", methods=["GET"])
    return app


async def test_metrics_are_answered_without_counting_themselves() -> None:
    app = shop()
    telemetry = instrument(app, service_name="shop")
    await request(app, "/")
    reply = await request(app, "/metrics")
    assert reply.status == 200
    assert b'http_server_request_outcomes_total{http_route="/",outcome="completed"} 1' in reply.body
    assert sum(series(telemetry.registry, OUTCOMES).values()) == 1


async def test_metrics_can_live_under_another_path() -> None:
    app = shop()
    instrument(app, service_name="shop", settings=TelemetrySettings(metrics_path="/internal/metrics"))
    assert (await request(app, "/metrics")).status == 404
    assert b"http_server_active_requests" in (await request(app, "/internal/metrics")).body


@pytest.mark.parametrize(
    ("provider", "choices", "is_kept"),
    [
        (TracerProvider(shutdown_on_exit=False), {"trace_sample_ratio": 1}, True),
        (TracerProvider(shutdown_on_exit=False), {"trace_sample_ratio": 0}, False),
        (TracerProvider(shutdown_on_exit=False), {"trace_sample_ratio": 0, "slow_threshold": 0}, True),
        (None, {"trace_sample_ratio": 1, "slow_threshold": 0}, False),
    ],
)
async def test_an_exemplar_leads_to_a_trace_that_is_kept(
    provider: TracerProvider | None,
    choices: dict[str, Any],
    is_kept: bool,  # noqa: FBT001  a case
) -> None:
    app = shop()
    instrument(app, service_name="shop", settings=TelemetrySettings(**choices), tracer_provider=provider)
    trace_id = (await request(app, "/")).header("X-Trace-Id").encode()
    openmetrics = [(b"accept", b"application/openmetrics-text; version=1.0.0")]
    body = (await request(app, "/metrics", headers=openmetrics)).body
    assert (b'trace_id="' + trace_id in body) == is_kept


@pytest.mark.parametrize("path", ["/proxy/metrics", "/metrics"])
async def test_metrics_are_found_behind_a_proxy(path: str) -> None:
    app = shop()
    instrument(app, service_name="shop")
    assert b"http_server_active_requests" in (await request(app, path, root_path="/proxy")).body


async def test_metrics_can_be_kept_off_the_application_and_served_elsewhere() -> None:
    app = shop()
    telemetry = instrument(app, service_name="shop", settings=TelemetrySettings(metrics_path=None))
    assert (await request(app, "/metrics")).status == 404
    assert b"http_server_active_requests" in (await request(telemetry.scrape_endpoint(), "/anything")).body


async def test_a_websocket_on_the_metrics_path_is_the_applications() -> None:
    app, socket = shop(), Socket()
    instrument(app, service_name="shop")
    await socket.talk(app, "/metrics")
    assert [message["type"] for message in socket.sent] == ["websocket.close"]


async def test_a_second_call_is_a_clear_error() -> None:
    app = shop()
    telemetry = instrument(app, service_name="shop")
    with pytest.raises(AlreadyInstrumented, match="instrumented already"):
        instrument(app, service_name="shop")
    await request(app, "/")
    assert recorded(telemetry.registry, OUTCOMES, http_route="/") == 1


def test_opentelemetrys_own_api_gets_the_provider_that_is_used() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    telemetry = instrument_worker(service_name="shop", tracer_provider=provider)
    assert telemetry.tracer_provider is provider
    assert instrument_worker(service_name="shop").tracer_provider is None


async def test_the_application_knows_its_telemetry() -> None:
    app = shop()
    assert instrument(app, service_name="shop") is app.state.telemetry


def test_an_application_may_have_a_telemetry_of_its_own() -> None:
    app = shop()
    app.state.telemetry = "theirs"
    instrument(app, service_name="shop")
    assert app.state.telemetry == "theirs"
    with pytest.raises(AlreadyInstrumented):
        instrument(app, service_name="shop")


async def test_an_instrumented_application_mounted_in_another_is_counted_by_the_outer_one_alone() -> None:
    outer, inner = FastAPI(), shop()
    inner_telemetry = instrument(inner, service_name="inner")
    outer.mount("/inner", inner)
    outer_telemetry = instrument(outer, service_name="outer")
    reply = await request(outer, "/inner/")
    assert len([name for name, _ in reply.headers if name == "x-trace-id"]) == 1
    assert recorded(outer_telemetry.registry, OUTCOMES, http_route="/inner/", outcome="completed") == 1
    assert recorded(inner_telemetry.registry, OUTCOMES, http_route="/") in {None, 0}


async def test_middleware_added_later_is_inside_the_measurement() -> None:
    class Refusing:
        def __init__(self, app: ASGIApp) -> None:
            pass

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            assert context.current() is not None
            await PlainTextResponse("no", status_code=403)(scope, receive, send)

    app = shop()
    telemetry = instrument(app, service_name="shop")
    app.add_middleware(Refusing)
    reply = await request(app, "/")
    assert (reply.status, len(reply.header("X-Trace-Id"))) == (403, 32)
    count = "http_server_request_duration_seconds_count"
    assert recorded(telemetry.registry, count, http_response_status_code="403") == 1


async def test_an_application_can_be_instrumented_while_it_starts() -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        instrument(app, service_name="shop")
        yield

    app = FastAPI(lifespan=lifespan)
    app.add_api_route("/", lambda: "ok", methods=["GET"])
    await start(app)
    await request(app, "/")
    assert recorded(app.state.telemetry.registry, OUTCOMES, http_route="/") == 1


async def test_starlette_applications_can_be_instrumented_too() -> None:
    app = Starlette(routes=[Route("/{name}", lambda _: PlainTextResponse("ok"))])
    telemetry = instrument(app, service_name="shop")
    await request(app, "/x")
    assert recorded(telemetry.registry, OUTCOMES, http_route="/{name}") == 1


async def test_no_record_stays_behind_after_a_request() -> None:
    app = shop()
    instrument(app, service_name="shop")
    await request(app, "/")
    assert context.current() is None


async def test_the_trace_id_of_the_response_is_the_records() -> None:
    app, seen = FastAPI(), []

    @app.get("/")
    def read() -> None:
        record = context.current()
        assert record is not None
        seen.append(record.trace_id)

    instrument(app, service_name="shop")
    reply = await request(app, "/")
    assert seen == [reply.header("X-Trace-Id")]


def test_what_a_server_refuses_in_front_is_counted_as_shed(registry: Registry) -> None:
    telemetry = instrument(FastAPI(), service_name="shop", registry=registry)
    telemetry.request_refused("GET")
    telemetry.request_refused("BREW")
    refused = {"http_route": SHED, "http_response_status_code": "503"}
    duration = "http_server_request_duration_seconds_count"
    for method in ("GET", "_OTHER"):
        assert [*series(registry, duration, http_request_method=method, **refused).values()] == [1]
    assert [*series(registry, "http_server_request_outcomes_total", outcome="shed").values()] == [2]


def test_what_a_limit_ended_in_front_is_counted_without_a_route(registry: Registry) -> None:
    telemetry = instrument(FastAPI(), service_name="shop", registry=registry)
    telemetry.limit_exceeded("head_size")
    labels = {"http_route": UNMATCHED, "limit": "head_size"}
    assert recorded(registry, "http_server_limits_exceeded_total", **labels) == 1
    assert not series(registry, "http_server_request_duration_seconds_count")


def test_a_worker_has_no_requests_to_refuse(registry: Registry) -> None:
    worker = instrument_worker(service_name="shop", registry=registry)
    worker.request_refused("GET")
    worker.limit_exceeded("head_size")
    assert not series(registry, "http_server_request_outcomes_total")
    assert not series(registry, "http_server_limits_exceeded_total")


def test_the_build_is_shown(registry: Registry) -> None:
    settings = TelemetrySettings(service_version="1.2", service_revision="abc")
    instrument_worker(service_name="shop-worker", settings=settings, registry=registry)
    assert recorded(registry, "service_build_info", version="1.2", revision="abc") == 1


def test_a_worker_measures_its_jobs_and_its_database(registry: Registry) -> None:
    engine = create_engine("sqlite://", poolclass=QueuePool)
    telemetry = instrument_worker(service_name="shop-worker", engine=engine, registry=registry)
    with telemetry.measured_task("thumbnails", queue_delay=3), engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    engine.dispose()
    labels = {"task": "thumbnails", "runner": "worker"}
    assert recorded(registry, "background_task_duration_seconds_count", outcome="succeeded", **labels) == 1
    assert recorded(registry, "background_task_queue_delay_seconds_sum", **labels) == 3
    assert recorded(registry, "db_client_operation_duration_seconds_count", db_operation_name="SELECT") == 1


def test_a_cache_of_the_applications_own_is_counted_under_its_name(registry: Registry) -> None:
    telemetry = instrument(FastAPI(), service_name="shop", registry=registry)
    telemetry.cache("menu").looked_up("hit")
    assert recorded(registry, "cache_requests_total", cache="menu", result="hit") == 1


class Silent:
    """As much of a Redis client as there has to be."""

    async def execute_command(self, *_arguments: object) -> None:
        pass

    def pipeline(self) -> None:
        pass


async def test_redis_clients_are_measured() -> None:
    app, client, spent = FastAPI(), Silent(), []

    @app.get("/")
    async def read() -> None:
        await client.execute_command("GET", "key")
        record = context.current()
        assert record is not None
        spent.append(record.cache_seconds)

    telemetry = instrument(app, service_name="shop", redis={"cache": client})
    await request(app, "/")
    assert spent[0] > 0
    assert (
        recorded(telemetry.registry, "db_client_operation_duration_seconds_count", db_system_name="redis")
        == 1
    )


def test_one_engine_in_two_calls_is_a_clear_error() -> None:
    engine = create_engine("sqlite://", poolclass=QueuePool)
    instrument(FastAPI(), service_name="shop", engine=engine)
    with pytest.raises(AlreadyInstrumented, match=r"pool of Engine\(sqlite://\) is measured already"):
        instrument(FastAPI(), service_name="admin", engine=engine)
    engine.dispose()


def test_engines_that_share_a_pool_are_measured_once() -> None:
    engine = create_engine("sqlite://", poolclass=QueuePool)
    reader = engine.execution_options(isolation_level="AUTOCOMMIT")
    with pytest.raises(AlreadyInstrumented):
        instrument(FastAPI(), service_name="shop", engine={"write": engine, "read": reader})
    engine.dispose()


@pytest.mark.parametrize(
    "wrong",
    [
        {"engine": "postgresql://localhost/shop"},
        {"redis": object()},
        {"http": httpx2.Client()},
        {"http": Silent()},
        {"tracer_provider": object()},
    ],
)
def test_a_call_that_fails_changes_nothing(wrong: dict[str, Any]) -> None:
    app = FastAPI()
    right: dict[str, Any] = {
        "engine": create_engine("sqlite://"),
        "redis": Silent(),
        "http": httpx2.AsyncClient(),
    }
    with pytest.raises((TypeError, AttributeError)):
        instrument(app, service_name="shop", **{**right, **wrong})
    instrument(app, service_name="shop", **right)


def test_one_redis_client_in_two_calls_is_a_clear_error() -> None:
    client = Silent()
    instrument(FastAPI(), service_name="shop", redis=client)
    with pytest.raises(AlreadyInstrumented, match="measured already"):
        instrument(FastAPI(), service_name="admin", redis=client)
