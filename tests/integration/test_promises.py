"""One call on one application that has everything: what is exposed is what was promised, and nothing else."""

import re
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from fastapi_cache import FastAPICache
from fastapi_cache.backends.redis import RedisBackend
from opentelemetry.sdk.trace import TracerProvider
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from observability import conventions
from observability.conventions import METRICS, UNMATCHED
from observability.settings import TelemetrySettings
from observability.setup import instrument
from tests.integration.conftest import running
from tests.integration.promised_app import make_app
from tests.integration.promised_story import ITEM, ITEMS, KEPT, NOT_KEPT, VISITS, Story, samples, tell

DURATION = "http_server_request_duration_seconds"
TASKS = "tests.integration.promised_app"
# Of traces, and of a durable queue: an application without them shows neither.
ELSEWHERE = {conventions.QUEUE_DEPTH, conventions.QUEUE_OLDEST_AGE}
# They exist once there is something to show.
DROPPED = conventions.TELEMETRY_SERIES_DROPPED


@pytest.fixture(scope="module")
async def story(
    database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Story]:
    static = tmp_path_factory.mktemp("static")
    (static / "logo.svg").write_text("<svg/>")
    url = database_url.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE promised (id int)"))
    redis = Redis.from_url(redis_url)
    app = make_app(engine, redis, static)
    settings = TelemetrySettings(
        service_version="1.2",
        service_revision="abc",
        latency_thresholds=(0.2,),
        trace_sample_ratio=0,
        slow_threshold=60,
    )
    telemetry = instrument(
        app,
        service_name="shop",
        engine={"main": engine},
        redis=redis,
        settings=settings,
        tracer_provider=TracerProvider(shutdown_on_exit=False),
    )
    FastAPICache.init(RedisBackend(redis))
    async with running(app):
        story = Story(app, telemetry)
        await tell(story, redis)
        yield story
    FastAPICache.reset()
    await redis.aclose()
    await engine.dispose()


async def test_every_request_is_counted_once_by_method_route_and_status(story: Story) -> None:
    labels = (conventions.METHOD, conventions.ROUTE, conventions.STATUS)
    promised = Counter(visit.series for visit in VISITS)
    promised["GET", "/cached", "200"] += 1  # the look-up that failed
    assert story.nonzero(f"{DURATION}_count", *labels) == promised


async def test_every_request_was_answered_as_its_status_says(story: Story) -> None:
    statuses = {visit.because: reply.status for visit, reply in zip(VISITS, story.replies, strict=True)}
    # What was sent before a stream broke cannot be taken back.
    promised = {v.because: 200 if v.outcome == "aborted" else v.status for v in VISITS}
    assert statuses == promised


async def test_every_request_has_one_outcome_and_a_client_that_left_burns_no_slo(story: Story) -> None:
    promised = Counter((visit.route, visit.outcome) for visit in VISITS)
    promised["/cached", "completed"] += 1
    promised["/patient", "client_disconnected"] = 1
    labels = (conventions.ROUTE, conventions.OUTCOME)
    assert story.nonzero("http_server_request_outcomes_total", *labels) == promised


async def test_what_a_limit_ended_is_counted_by_route_and_limit(story: Story) -> None:
    counted = story.nonzero("http_server_limits_exceeded_total", conventions.ROUTE, conventions.LIMIT)
    assert counted == {("/limited", "rate"): 1}


async def test_every_answer_tells_its_time_and_its_trace(story: Story) -> None:
    for visit, reply in zip(VISITS, story.replies, strict=True):
        assert 0 < float(reply.header("X-Process-Time")) < 60, visit
        assert re.fullmatch("[0-9a-f]{32}", reply.header("X-Trace-Id")), visit
        assert re.fullmatch(
            r"app;dur=[\d.]+, db;dur=[\d.]+, cache;dur=[\d.]+", reply.header("Server-Timing")
        ), visit


async def test_success_and_failure_of_each_route_were_there_before_the_first_request(story: Story) -> None:
    known = {
        (
            sample.labels[conventions.METHOD],
            sample.labels[conventions.ROUTE],
            sample.labels[conventions.STATUS],
        )
        for sample in samples(story.before, f"{DURATION}_count")
    }
    served = {v.series for v in VISITS if v.status < 300 and v.route != "/static/{path}"}
    assert served <= known
    assert {(method, route, "500") for method, route, _ in served} <= known
    assert not [sample for sample in samples(story.before, f"{DURATION}_count") if sample.value]


async def test_streams_show_when_their_first_byte_went_out(story: Story) -> None:
    starts = story.nonzero("http_server_response_start_seconds_count", conventions.ROUTE)
    assert starts == {"/export": 1, "/events": 1, "/broken-stream": 1}


async def test_queries_are_counted_by_request_and_route(story: Story) -> None:
    requests = story.nonzero("http_server_request_db_queries_count", conventions.ROUTE)
    queries = story.nonzero("http_server_request_db_queries_sum", conventions.ROUTE)
    assert requests == Counter([*(visit.route for visit in VISITS), "/cached"])
    # GET, HEAD and DELETE of an item; three for the list and one for its addition.
    assert queries == {ITEM: 3, ITEMS: 4}


async def test_websockets_are_counted_by_route_and_close_code(story: Story) -> None:
    closed = story.nonzero(
        "http_server_websocket_connection_duration_seconds_count", conventions.ROUTE, conventions.CLOSE_CODE
    )
    assert closed == {("/rooms/{room}", "4000"): 1, ("/rooms/{room}", "500"): 1, (UNMATCHED, "403"): 1}
    assert story.nonzero("http_server_websocket_active_connections", conventions.ROUTE) == {}


async def test_nothing_is_in_flight_when_all_is_over(story: Story) -> None:
    (active,) = samples(story.after, "http_server_active_requests")
    assert active.value == 0


async def test_the_pool_shows_its_size_its_use_and_what_was_waited_for(story: Story) -> None:
    pool = conventions.POOL
    assert story.nonzero("db_client_connection_max", pool) == {"main": 1}
    assert story.nonzero("db_client_connection_count", pool, conventions.POOL_STATE) == {("main", "idle"): 1}
    assert story.nonzero("db_client_connection_pending_requests", pool) == {}
    assert story.nonzero("db_client_connection_timeouts_total", pool) == {"main": 1}
    # Seven queries, and the two connections that were asked for at once: one of them was never given.
    assert story.nonzero("db_client_connection_wait_time_seconds_count", pool) == {"main": 9}
    assert story.nonzero("db_client_connection_use_time_seconds_count", pool) == {"main": 8}
    # The pool's timeout is 0.05 s; a loop's timers may come a tick early.
    assert story.nonzero("db_client_connection_wait_time_seconds_sum", pool)["main"] >= 0.05 * 0.9
    # Made before the call; the pool had it already.
    assert story.nonzero("db_client_connection_create_time_seconds_count", pool) == {}


async def test_operations_are_counted_by_system_verb_and_error(story: Story) -> None:
    labels = (conventions.DB_SYSTEM, conventions.DB_OPERATION, conventions.ERROR_TYPE)
    assert story.nonzero("db_client_operation_duration_seconds_count", *labels) == {
        ("postgresql", "SELECT", ""): 5,
        ("postgresql", "INSERT", ""): 1,
        ("postgresql", "DELETE", "ProgrammingError"): 1,
        # Three look-ups and the visit; the one that failed.
        ("redis", "PIPELINE", ""): 4,
        ("redis", "PIPELINE", "ResponseError"): 1,
        # What was missing, and what could not be read.
        ("redis", "SET", ""): 2,
        # The test's own.
        ("redis", "SCAN", ""): 1,
        ("redis", "DEL", ""): 1,
        ("redis", "LPUSH", ""): 1,
    }


async def test_a_backend_that_fails_is_no_miss(story: Story) -> None:
    looked_up = story.nonzero("cache_requests_total", conventions.CACHE, conventions.RESULT)
    cache = "fastapi-cache2"
    assert looked_up == {(cache, "miss"): 1, (cache, "hit"): 2, (cache, "error"): 1}
    assert story.nonzero("cache_fill_duration_seconds_count", conventions.CACHE) == {cache: 1}


async def test_background_tasks_are_counted_by_function_and_those_that_never_ran_too(story: Story) -> None:
    labels = (conventions.TASK, conventions.RUNNER, conventions.OUTCOME)
    assert story.nonzero("background_task_duration_seconds_count", *labels) == {
        (f"{TASKS}.welcome", "in_process", "failed"): 1,
        (f"{TASKS}.audit", "in_process", "cancelled"): 1,
        (f"{TASKS}.welcome", "in_process", "succeeded"): 1,
        (f"{TASKS}.audit", "in_process", "succeeded"): 1,
    }
    delays = story.nonzero("background_task_queue_delay_seconds_count", conventions.TASK)
    assert delays == {f"{TASKS}.welcome": 2, f"{TASKS}.audit": 1}
    assert story.nonzero("background_tasks_in_progress", conventions.TASK) == {}


async def test_what_blocked_the_event_loop_is_named(story: Story) -> None:
    # On a busy machine, others may have been held up as well.
    blocked = story.nonzero("asyncio_event_loop_blocked_total", conventions.CULPRIT)
    assert blocked[f"{TASKS}:crunch"] == 1


async def test_the_runtime_the_process_and_the_build_are_shown(story: Story) -> None:
    shown = {sample.name: sample for sample in samples(story.after)}
    assert shown["thread_pool_workers"].value == 40
    assert shown["thread_pool_busy"].value == 0
    assert shown["service_build_info"].labels == {"version": "1.2", "revision": "abc"}
    assert shown["process_cpu_seconds_total"].value > 0
    assert story.nonzero("python_gc_collections_total", conventions.GENERATION)


async def test_only_a_trace_that_is_kept_becomes_an_exemplar(story: Story) -> None:
    found = {sample.exemplar.labels["trace_id"] for sample in samples(story.after) if sample.exemplar}
    failed = {
        dict(reply.headers).get("x-trace-id") for reply in story.replies if reply.status >= 500 or reply.error
    }
    assert KEPT in found
    assert found <= {KEPT, *failed}
    answered = {
        visit.because: reply.header("X-Trace-Id") for visit, reply in zip(VISITS, story.replies, strict=True)
    }
    assert (answered["a kept trace"], answered["a trace that is not"]) == (KEPT, NOT_KEPT)


async def test_exposed_are_the_families_of_the_contract_and_no_other(story: Story) -> None:
    heads = re.findall(r"^# TYPE (\w+) (\w+)$", story.after, re.MULTILINE)
    promised = {(m.name.removesuffix("_total"), m.kind) for m in METRICS if m not in ELSEWHERE | {DROPPED}}
    assert Counter(heads) == Counter(promised)
    for metric in METRICS:
        if metric not in ELSEWHERE | {DROPPED}:
            assert f"# HELP {metric.name.removesuffix('_total')} {metric.documentation}\n" in story.after


async def test_every_series_has_the_labels_of_the_contract(story: Story) -> None:
    promised = {metric.name: set(metric.labels) for metric in METRICS}
    for sample in samples(story.after):
        name = sample.name if sample.name in promised else sample.name.rpartition("_")[0]
        assert sample.labels.keys() - {"le"} == promised[name], sample


async def test_buckets_are_those_of_the_contract_and_the_objectives(story: Story) -> None:
    bounds = {float(sample.labels["le"]) for sample in samples(story.after, f"{DURATION}_bucket")}
    assert bounds == {*conventions.HTTP_BUCKETS, 0.2, float("inf")}


async def test_the_telemetry_counts_its_own_series_and_scrapes(story: Story) -> None:
    (series,) = samples(story.after, "telemetry_series")
    assert series.value == len([line for line in story.after.splitlines() if not line.startswith("#")])
    (scrapes,) = samples(story.after, "telemetry_scrape_duration_seconds_count")
    assert scrapes.value == 1
