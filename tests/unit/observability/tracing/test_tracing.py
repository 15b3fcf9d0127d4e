"""Which traces are kept in the end, and where they go."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextvars import copy_context
from typing import Annotated, Any

import httpx2
import pytest
import structlog
from fastapi import BackgroundTasks, Depends, FastAPI, Request, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse
from opentelemetry import baggage, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import attach, detach
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Message

from observability import context
from observability.background.enqueuing import enqueuing
from observability.clients.http import trace_http
from observability.context import mark_limit, mark_shed
from observability.errors import AlreadyInstrumented
from observability.settings import TelemetrySettings
from observability.setup import Telemetry, instrument, instrument_worker
from observability.tracing.buffer import FIRST, SLOWEST, Buffer, Facts
from observability.tracing.propagation import outgoing_headers
from observability.tracing.spans import span
from tests.unit.observability.server import Cycle, Socket, http_scope, request, serve
from tests.unit.observability.tracing.conftest import Collector

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
OFF: Any = {"tracing": False, "metrics": False, "logs": False}


class Broken(Exception):
    pass


def traced(app: FastAPI, collector: Collector, **choices: Any) -> Telemetry:
    options: dict[str, Any] = {"trace_sample_ratio": 0, **choices}
    return instrument(
        app, service_name="shop", settings=TelemetrySettings(**options), tracer_provider=collector.provider
    )


def answering(endpoint: Any, **options: Any) -> FastAPI:
    app = FastAPI(telemetry=OFF, **options)
    app.add_api_route("/", endpoint, methods=["GET"])
    return app


def by_name(spans: list[ReadableSpan]) -> dict[str, ReadableSpan]:
    return {each.name: each for each in spans}


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


def context_of(span: ReadableSpan) -> SpanContext:
    found: SpanContext | None = span.context
    assert found is not None
    return found


def id_of(span: ReadableSpan) -> int:
    return context_of(span).span_id


async def test_who_is_not_told_of_the_start_is_told_to_flush(collector: Collector) -> None:
    app = answering(lambda: "fine")
    traced(app, collector)
    with structlog.testing.capture_logs() as events:
        await request(app, "/")
        await request(app, "/")
    assert [each["event"] for each in events if "lifespan" in each["event"]] == ["telemetry_without_lifespan"]


async def test_a_fast_good_request_leaves_no_trace(collector: Collector) -> None:
    app = answering(lambda: "fine")
    traced(app, collector, slow_threshold=60)
    await request(app, "/")
    assert collector.take() == []


async def test_a_request_slower_than_its_routes_threshold_is_kept(collector: Collector) -> None:
    app = answering(lambda: "fine")
    app.add_api_route("/other", lambda: "fine", methods=["GET"])
    traced(app, collector, slow_threshold=60, slow_thresholds={"/": 0})
    await request(app, "/")
    await request(app, "/other")
    assert collector.take_one().name == "GET /"


async def test_the_largest_objective_is_the_threshold_unless_another_is_chosen(collector: Collector) -> None:
    app = answering(lambda: "fine")
    traced(app, collector, latency_thresholds=(0.0, 60.0))
    await request(app, "/")
    assert collector.take() == []


async def test_a_request_that_was_refused_under_load_is_not_kept(collector: Collector) -> None:
    def refuse() -> PlainTextResponse:
        mark_shed()
        return PlainTextResponse("busy", status_code=503)

    app = answering(refuse)
    traced(app, collector, slow_threshold=60)
    await request(app, "/")
    assert collector.take() == []


@pytest.mark.parametrize("has_begun", [True, False])
async def test_a_request_whose_client_left_is_not_kept_for_that(
    *, has_begun: bool, collector: Collector
) -> None:
    async def forever() -> AsyncIterator[bytes]:
        while True:
            yield b"more"
            await asyncio.sleep(0)

    async def read(asked: Request) -> StreamingResponse:
        if has_begun:
            return StreamingResponse(forever())
        while not await asked.is_disconnected():  # noqa: ASYNC110 (no event tells of it)
            await asyncio.sleep(0)
        raise asyncio.CancelledError

    app, cycle = answering(read), Cycle()
    traced(app, collector, slow_threshold=60)
    serving = asyncio.create_task(serve(app, http_scope("/"), cycle))
    if has_begun:
        await cycle.started.wait()
    cycle.leave()
    await asyncio.wait([serving])
    assert collector.take() == []


async def test_the_ids_of_a_kept_trace_are_those_that_were_told(collector: Collector) -> None:
    told: list[dict[str, str]] = []

    def read() -> None:
        told.append(outgoing_headers())
        raise Broken

    app = answering(read)
    traced(app, collector)
    headers = [
        (b"traceparent", f"00-{TRACE}-{CALLER}-00".encode()),
        (b"tracestate", b"theirs=1"),
        (b"baggage", b"user=7"),
        (b"baggage", b"plan=free"),
    ]
    reply = await request(app, "/", headers=headers)
    kept = collector.take_one()
    assert reply.header("x-trace-id") == TRACE
    assert told == [
        {
            "traceparent": f"00-{TRACE}-{id_of(kept):016x}-00",
            "tracestate": "theirs=1",
            "baggage": "user=7,plan=free",
        }
    ]
    assert (f"{context_of(kept).trace_id:032x}", f"{parent_of(kept):016x}") == (TRACE, CALLER)
    assert context_of(kept).trace_state.get("theirs") == "1"


@pytest.mark.parametrize("ratio", [0, 1])
async def test_the_flag_says_what_was_decided_at_the_start(ratio: float, collector: Collector) -> None:
    app = answering(lambda: outgoing_headers()["traceparent"][-2:])
    traced(app, collector, trace_sample_ratio=ratio)
    assert (await request(app, "/")).body == f'"0{ratio}"'.encode()


async def test_without_a_valid_traceparent_nobody_hears_of_its_tracestate(collector: Collector) -> None:
    app = answering(lambda: ",".join(outgoing_headers()))
    traced(app, collector)
    headers = [(b"traceparent", b"nonsense"), (b"tracestate", b"theirs=1")]
    assert (await request(app, "/", headers=headers)).body == b'"traceparent"'


async def test_baggage_of_an_applications_own_goes_out_beside_what_came(collector: Collector) -> None:
    def read() -> list[str]:
        token = attach(baggage.set_baggage("shop", "5 & 6", baggage.set_baggage("plan", "paid")))
        told = outgoing_headers()["baggage"]
        detach(token)
        return told.split(",")

    app = answering(read)
    traced(app, collector)
    headers = [
        (b"baggage", "plan=free,user=7;since=2020,town=M\u00fcnchen".encode()),
        (b"baggage", b"hue=red"),
    ]
    told = json.loads((await request(app, "/", headers=headers)).body)
    assert told == ["user=7;since=2020", "hue=red", "plan=paid", "shop=5%20%26%206"]


@pytest.mark.parametrize(
    ("propagators", "told"),
    [
        ([], set()),
        ([TraceContextTextMapPropagator()], {"traceparent", "tracestate"}),
        ([W3CBaggagePropagator()], {"baggage"}),
    ],
)
async def test_what_the_propagators_leave_out_is_not_passed_on(
    propagators: list[Any], told: set[str], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As OTEL_PROPAGATORS=none, tracecontext and baggage.
    monkeypatch.setattr(propagate, "_HTTP_TEXT_FORMAT", CompositePropagator(propagators))
    app = answering(lambda: list(outgoing_headers()))
    telemetry = traced(app, collector)
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-00", "tracestate": "theirs=1", "baggage": "user=7"}
    reply = await request(
        app, "/", headers=[(name.encode(), value.encode()) for name, value in headers.items()]
    )
    assert set(json.loads(reply.body)) == told
    with telemetry.measured_task("welcome", headers=headers):
        assert set(outgoing_headers()) == told
        assert dict(baggage.get_all()) == ({"user": "7"} if "baggage" in told else {})


def test_outside_of_requests_there_is_nothing_to_tell() -> None:
    assert outgoing_headers() == {}
    with span("alone"), enqueuing("job") as headers:
        assert headers == {}


@pytest.mark.parametrize("ratio", [0, 1])
async def test_spans_of_ones_own_are_inside_each_other(ratio: float, collector: Collector) -> None:
    async def work() -> None:
        with span("outer", size=3), span("inner"):
            pass
        with pytest.raises(KeyError), span("failing"):
            raise KeyError
        raise Broken

    app = answering(work)
    traced(app, collector, trace_sample_ratio=ratio)
    await request(app, "/")
    spans = by_name(collector.take())
    assert parent_of(spans["outer"]) == parent_of(spans["failing"]) == id_of(spans["GET /"])
    assert parent_of(spans["inner"]) == id_of(spans["outer"])
    assert spans["outer"].attributes == {"size": 3}
    assert spans["failing"].attributes == {"error.type": "KeyError"}
    assert spans["failing"].status.status_code is StatusCode.ERROR
    times = [
        spans["GET /"].start_time,
        spans["inner"].start_time,
        spans["inner"].end_time,
        spans["GET /"].end_time,
    ]
    assert times == sorted(time for time in times if time)


async def test_where_a_trace_is_chosen_spans_of_opentelemetry_nest_with_ours(collector: Collector) -> None:
    tracer = collector.provider.get_tracer("theirs")

    async def work() -> None:
        with span("ours"), tracer.start_as_current_span("theirs"), span("ours within"):
            pass

    app = answering(work)
    collector.provider.sampler = ALWAYS_ON
    tracer = collector.provider.get_tracer("theirs of the shop")
    traced(app, collector, trace_sample_ratio=1)
    await request(app, "/")
    spans = by_name(collector.take())
    assert parent_of(spans["ours"]) == id_of(spans["GET /"])
    assert parent_of(spans["theirs"]) == id_of(spans["ours"])
    assert parent_of(spans["ours within"]) == id_of(spans["theirs"])


def sync_dependency() -> Iterator[None]:
    with span("held"):
        yield


def streaming() -> StreamingResponse:
    def render() -> Iterator[str]:
        with span("held"):
            yield from "abc"

    return StreamingResponse(render())


async def breaking_off() -> None:
    async def numbers() -> AsyncGenerator[int]:
        with span("held"):
            yield 1
            yield 2

    begun = numbers()
    await anext(begun)
    # As the loop does with one that nobody holds any more.
    await asyncio.create_task(begun.aclose())


def leaving_before_the_answer(_: Annotated[None, Depends(sync_dependency, scope="function")]) -> None:
    pass


def leaving_after_it(_: Annotated[None, Depends(sync_dependency)]) -> None:
    pass


@pytest.mark.parametrize("ratio", [0, 1])
@pytest.mark.parametrize("endpoint", [leaving_before_the_answer, leaving_after_it, streaming, breaking_off])
async def test_a_span_may_end_in_another_context_than_it_began_in(
    endpoint: Any, ratio: float, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    app = answering(endpoint)
    traced(app, collector, trace_sample_ratio=ratio, slow_threshold=0)
    reply = await request(app, "/")
    assert (reply.status, reply.error) == (200, None)
    server, held = collector.take()
    assert (held.name, held.status.status_code, parent_of(held)) == ("held", StatusCode.UNSET, id_of(server))
    assert caplog.records == []


async def test_a_background_task_that_fails_keeps_the_trace_and_is_in_it(collector: Collector) -> None:
    async def fail() -> None:
        with span("within"):
            raise Broken

    async def read(tasks: BackgroundTasks) -> None:
        tasks.add_task(fail)

    app = answering(read)
    traced(app, collector, slow_threshold=60)
    await request(app, "/")
    server, task, within = collector.take()
    assert (server.status.status_code, server.events) == (StatusCode.UNSET, ())
    assert task.name.endswith("fail")
    assert task.attributes is not None
    assert task.attributes["task.outcome"] == "failed"
    assert (parent_of(task), parent_of(within)) == (id_of(server), id_of(task))


def test_of_many_calls_the_slowest_and_the_failed_stay() -> None:
    buffer = Buffer()
    for number in range(FIRST + 100):
        slow, failed = number == FIRST + 7, number == FIRST + 9
        buffer.add(
            (
                float(number),
                number + (9.0 if slow else 0.1),
                None,
                "Broken" if failed else "",
                Facts,
                (),
                None,
            )
        )
    kept = {each[0] for each in buffer.spans()}
    assert {FIRST + 7, FIRST + 9} <= kept
    assert (len(kept), buffer.omitted) == (FIRST + SLOWEST, 100 - SLOWEST)


async def test_a_span_whose_parent_was_not_kept_hangs_on_the_next_one_up(collector: Collector) -> None:
    async def work() -> None:
        for number in range(FIRST):
            with span(f"early {number}"):
                pass
        with span("container"):
            with pytest.raises(KeyError), span("failed"):
                raise KeyError
            for _ in range(SLOWEST):
                with pytest.raises(KeyError), span("failed"):
                    raise KeyError
        raise Broken

    app = answering(work)
    traced(app, collector)
    await request(app, "/")
    spans = collector.take()
    failed = [each for each in spans if each.name == "failed"]
    assert "container" not in by_name(spans)
    assert {parent_of(each) for each in failed} == {id_of(spans[0])}


@pytest.mark.parametrize("ratio", [0, 1])
async def test_nothing_hangs_on_a_span_that_was_not_kept(ratio: float, collector: Collector) -> None:
    def dig(depth: int) -> None:
        if depth:
            with span("level"):
                dig(depth - 1)

    app = answering(lambda: dig(FIRST + SLOWEST + 20))
    traced(app, collector, trace_sample_ratio=ratio, slow_threshold=0)
    await request(app, "/")
    server, *others = collector.take()
    assert len(others) == FIRST + SLOWEST
    assert {parent_of(each) for each in others} < {id_of(each) for each in (server, *others)}


async def test_a_span_is_kept_if_one_of_opentelemetry_is_inside_of_it(collector: Collector) -> None:
    collector.provider.sampler = ALWAYS_ON
    tracer = collector.provider.get_tracer("theirs")

    async def work() -> None:
        for number in range(FIRST):
            with span(f"early {number}"):
                pass
        with span("container"):
            with tracer.start_as_current_span("theirs"):
                pass
            for _ in range(SLOWEST + 1):
                with pytest.raises(KeyError), span("failed"):
                    raise KeyError

    app = answering(work)
    traced(app, collector, trace_sample_ratio=1)
    await request(app, "/")
    spans = by_name(collector.take())
    assert parent_of(spans["theirs"]) == id_of(spans["container"])


async def test_a_span_of_opentelemetry_that_is_not_recorded_is_passed_over(collector: Collector) -> None:
    tracer = collector.provider.get_tracer("theirs")

    async def work() -> None:
        with span("ours"), tracer.start_as_current_span("theirs"), span("ours within"):
            pass

    app = answering(work)
    traced(app, collector, trace_sample_ratio=1)
    await request(app, "/")
    _, ours, within = collector.take()
    assert parent_of(within) == id_of(ours)


async def test_what_blocked_the_event_loop_is_on_the_trace(collector: Collector) -> None:
    def block() -> None:
        record = context.current()
        assert record is not None
        record.culprit, record.culprit_stack, record.blocked_at = "shop:block", "shop.py:7", record.started_at
        raise Broken

    app = answering(block)
    traced(app, collector)
    await request(app, "/")
    blocked = next(event for event in collector.take_one().events if event.name == "event_loop.blocked")
    assert blocked.attributes == {"event_loop.culprit": "shop:block", "code.stacktrace": "shop.py:7"}


async def test_a_websocket_whose_application_raises_is_kept(collector: Collector) -> None:
    app = FastAPI(telemetry=OFF)

    @app.websocket("/talk/{name}")
    async def talk(socket: WebSocket, name: str) -> None:
        await socket.accept()
        await socket.send_text(name)
        msg = "no more"
        raise RuntimeError(msg)

    traced(app, collector)
    await Socket("hello").talk(app, "/talk/ada")
    kept = collector.take_one()
    assert (kept.name, kept.kind, kept.status.status_code) == (
        "/talk/{name}",
        SpanKind.SERVER,
        StatusCode.ERROR,
    )


async def test_secrets_in_a_query_are_not_shown(collector: Collector) -> None:
    app = answering(lambda: "fine")
    traced(app, collector, trace_sample_ratio=1)
    await request(app, "/?page=2&access_token=hunter2&flag")
    attributes = collector.take_one().attributes
    assert attributes is not None
    assert attributes["url.query"] == "page=2&access_token=[redacted]&flag"


async def test_a_kept_request_is_a_line_of_the_log(collector: Collector) -> None:
    async def fail() -> None:
        mark_limit("deadline")
        raise Broken

    app = answering(fail)
    traced(app, collector)
    with structlog.testing.capture_logs() as events:
        reply = await request(app, "/")
    (line,) = [event for event in events if event["event"] == "request"]
    assert line.pop("seconds") > 0
    assert line.pop("span_id") == f"{id_of(collector.take_one()):016x}"
    assert line == {
        "event": "request",
        "log_level": "warning",
        "trace_id": reply.header("x-trace-id"),
        "method": "GET",
        "route": "/",
        "status": 500,
        "outcome": "completed",
        "db_seconds": 0.0,
        "db_queries": 0,
        "cache_seconds": 0.0,
        "cache_commands": 0,
        "limit": "deadline",
        "error": "Broken",
    }


async def test_lines_for_requests_can_be_switched_off(collector: Collector) -> None:
    app = answering(lambda: "fine")
    traced(app, collector, slow_threshold=0, request_log=False)
    with structlog.testing.capture_logs() as events:
        await request(app, "/")
    assert "request" not in {event["event"] for event in events}
    assert len(collector.take()) == 1


async def test_telemetry_that_fails_fails_no_request(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any) -> None:
        raise Broken

    app = answering(lambda: "fine")
    traced(app, collector, slow_threshold=0)
    monkeypatch.setattr("observability.tracing.tracing.promote", refuse)
    with structlog.testing.capture_logs() as events:
        assert (await request(app, "/")).status == 200
    assert "telemetry_trace_failed" in {event["event"] for event in events}


async def test_calls_to_others_are_spans_and_tell_them(collector: Collector) -> None:
    told: list[str] = []

    def answer(call: httpx2.Request) -> httpx2.Response:
        told.append(call.headers["traceparent"])
        return httpx2.Response(404 if call.url.path == "/missing" else 200)

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    trace_http(client)

    async def call() -> None:
        await client.get("https://ada:hunter2@shop.example:8443/stock?key=hunter2#x")
        await client.get("http://shop.example/missing")
        raise Broken

    app = answering(call)
    traced(app, collector)
    await request(app, "/")
    _, stock, missing = collector.take()
    assert stock.attributes == {
        "http.request.method": "GET",
        "server.address": "shop.example",
        "server.port": 8443,
        "url.full": "https://shop.example:8443/stock",
        "http.response.status_code": 200,
    }
    assert (stock.name, stock.kind) == ("GET", SpanKind.CLIENT)
    assert missing.attributes is not None
    assert (missing.attributes["error.type"], missing.attributes["server.port"]) == ("404", 80)
    trace_id = context_of(stock).trace_id
    assert told == [f"00-{trace_id:032x}-{id_of(each):016x}-00" for each in (stock, missing)]
    await client.aclose()


async def test_strangers_hear_of_the_trace_alone_and_their_addresses_are_not_told(
    collector: Collector,
) -> None:
    calls: list[httpx2.Request] = []

    def answer(call: httpx2.Request) -> httpx2.Response:
        calls.append(call)
        return httpx2.Response(200)

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    trace_http(client, is_foreign=True)

    async def call() -> None:
        await client.get("https://stranger.example/secret-path")
        raise Broken

    app = answering(call)
    traced(app, collector)
    await request(app, "/", headers=[(b"baggage", b"user=ada")])
    _, told = collector.take()
    assert told.attributes is not None
    assert "url.full" not in told.attributes
    assert told.attributes["server.address"] == "stranger.example"
    assert ("traceparent" in calls[0].headers, "baggage" in calls[0].headers) == (True, False)
    await client.aclose()


async def test_a_call_that_gets_no_answer_is_an_error(collector: Collector) -> None:
    def refuse(_call: httpx2.Request) -> httpx2.Response:
        msg = "refused"
        raise httpx2.ConnectError(msg)

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(refuse))
    options: Any = {"http": {"shop": client}, "tracer_provider": collector.provider}

    async def call() -> None:
        await client.get("http://shop.example/")

    app = answering(call)
    instrument(app, service_name="shop", **options)
    await request(app, "/")
    call_span = by_name(collector.take())["GET"]
    assert call_span.attributes is not None
    assert call_span.attributes["error.type"] == "ConnectError"
    assert "http.response.status_code" not in call_span.attributes
    with pytest.raises(AlreadyInstrumented, match="traced already"):
        instrument_worker(service_name="shop", http=client)
    await client.aclose()


async def test_a_job_continues_the_trace_that_enqueued_it(collector: Collector) -> None:
    carried: list[dict[str, str]] = []

    async def register() -> None:
        with enqueuing("welcome") as headers:
            carried.append(headers)
        raise Broken

    app = answering(register)
    telemetry = traced(app, collector)
    reply = await request(app, "/")
    server, producer = collector.take()

    def fail(attempt: int) -> None:
        job: Any = {"headers": carried[0], "job_id": "7", "attempt": attempt, "queue_delay": 3}
        with telemetry.measured_task("welcome", **job) as run, span("within"):
            run.will_retry()
            raise Broken

    for attempt in (1, 2):
        with pytest.raises(Broken):
            fail(attempt)
    first, within, second, _ = collector.take()
    assert (producer.name, producer.kind, first.name, first.kind) == (
        "send welcome",
        SpanKind.PRODUCER,
        "process welcome",
        SpanKind.CONSUMER,
    )
    assert parent_of(producer) == id_of(server)
    assert parent_of(first) == parent_of(second) == id_of(producer)
    assert parent_of(within) == id_of(first)
    assert {context_of(each).trace_id for each in (producer, first, second)} == {
        int(reply.header("x-trace-id"), 16)
    }
    assert [link.context.span_id for link in second.links] == [id_of(first)]
    assert first.links == ()
    assert first.attributes == {
        "messaging.operation.type": "process",
        "messaging.destination.name": "welcome",
        "messaging.message.id": "7",
        "task.outcome": "retried",
        "task.attempt": 1,
        "task.queue_delay": 3,
    }
    assert first.status.status_code is StatusCode.ERROR
    assert first.events[0].name == "exception"


def test_a_job_that_succeeds_leaves_a_trace_only_if_it_was_chosen(collector: Collector) -> None:
    telemetry = instrument_worker(
        service_name="worker",
        tracer_provider=collector.provider,
        settings=TelemetrySettings(trace_sample_ratio=0),
    )
    with telemetry.measured_task("welcome"), span("within"):
        pass
    assert collector.take() == []
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    with telemetry.measured_task("welcome", headers=headers), span("within"):
        pass
    job, within = collector.take()
    assert (f"{context_of(job).trace_id:032x}", parent_of(within)) == (TRACE, id_of(job))
    assert context.current() is None


@pytest.mark.parametrize("flag", ["00", "01"])
def test_a_job_sees_the_baggage_of_whoever_enqueued_it(flag: str, collector: Collector) -> None:
    telemetry = instrument_worker(service_name="worker", tracer_provider=collector.provider)
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-{flag}", "Baggage": "user=7,town=K%C3%B6ln"}
    with telemetry.measured_task("welcome", headers=headers):
        assert dict(baggage.get_all()) == {"user": "7", "town": "Köln"}
        assert outgoing_headers()["baggage"] == "user=7,town=K%C3%B6ln"
    assert dict(baggage.get_all()) == {}


def test_a_job_that_nobody_traced_begins_a_trace_when_it_fails(collector: Collector) -> None:
    telemetry = instrument_worker(service_name="worker", tracer_provider=collector.provider)
    with pytest.raises(Broken), telemetry.measured_task("nightly"):
        raise Broken
    job = collector.take_one()
    assert (job.name, job.parent, job.status.status_code) == ("process nightly", None, StatusCode.ERROR)


@pytest.mark.parametrize("headers", [{}, {"traceparent": "nonsense"}])
def test_attempts_of_a_job_that_nobody_traced_are_one_trace(
    headers: dict[str, str], collector: Collector
) -> None:
    telemetry = instrument_worker(service_name="worker", tracer_provider=collector.provider)
    for attempt in (1, 2):
        job: Any = {"headers": headers, "job_id": "7", "attempt": attempt}
        with pytest.raises(Broken), telemetry.measured_task("nightly", **job):
            raise Broken
    first, second = collector.take()
    (link,) = second.links
    assert (link.context.trace_id, link.context.span_id) == (context_of(first).trace_id, id_of(first))
    assert context_of(second).trace_id == context_of(first).trace_id
    assert first.parent is second.parent is None
    with pytest.raises(Broken), telemetry.measured_task("nightly", job_id="8"):
        raise Broken
    assert context_of(collector.take_one()).trace_id != context_of(first).trace_id


def test_attempts_of_a_job_are_chosen_alike(collector: Collector) -> None:
    telemetry = instrument_worker(
        service_name="worker",
        tracer_provider=collector.provider,
        settings=TelemetrySettings(trace_sample_ratio=0.5),
    )

    def attempted(number: int) -> list[bool]:
        told = []
        for attempt in (1, 2, 3):
            with telemetry.measured_task("nightly", job_id=str(number), attempt=attempt):
                told.append(outgoing_headers()["traceparent"].endswith("-01"))
        return told

    chosen = [attempted(number) for number in range(100)]
    assert {len(set(each)) for each in chosen} == {1}
    assert 0 < sum(each[0] for each in chosen) < len(chosen)


def test_a_job_may_end_in_another_context_than_it_began_in(collector: Collector) -> None:
    telemetry = instrument_worker(
        service_name="worker",
        tracer_provider=collector.provider,
        settings=TelemetrySettings(trace_sample_ratio=1),
    )
    job = telemetry.measured_task("nightly", headers={"baggage": "user=7"})
    copy_context().run(job.__enter__)
    job.__exit__(None, None, None)
    assert collector.take_one().name == "process nightly"


def test_the_error_of_a_job_is_told_without_the_credentials_that_it_quotes(collector: Collector) -> None:
    telemetry = instrument_worker(service_name="worker", tracer_provider=collector.provider)
    msg = "cannot reach postgresql://ada:hunter2@db/shop"
    with pytest.raises(OSError, match="cannot reach"), telemetry.measured_task("nightly"):
        raise OSError(msg) from Broken(msg)
    job = collector.take_one()
    told = "cannot reach postgresql://[redacted]@db/shop"
    assert job.status.description == f"OSError: {told}"
    attributes = job.events[0].attributes
    assert attributes is not None
    assert (attributes["exception.type"], attributes["exception.message"]) == ("OSError", told)
    stack = str(attributes["exception.stacktrace"])
    assert ("Broken: cannot reach" in stack, "hunter2" in stack) == (True, False)


@pytest.fixture
def their_provider(collector: Collector) -> Iterator[TracerProvider]:
    """A provider that the application has set for the whole process."""
    collector.provider.sampler = ALWAYS_ON
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(trace, "_TRACER_PROVIDER", collector.provider)
        yield collector.provider


@pytest.mark.usefixtures("their_provider")
@pytest.mark.parametrize("owner", ["native", "contrib"])
async def test_who_makes_the_spans_of_requests_already_keeps_doing_so(
    owner: str, collector: Collector
) -> None:
    async def work() -> None:
        with span("ours"):
            pass

    app = FastAPI(telemetry=None if owner == "native" else OFF)
    app.add_api_route("/", work, methods=["GET"])
    if owner == "contrib":
        FastAPIInstrumentor.instrument_app(app, exclude_spans=["receive", "send"])
    instrument(app, service_name="shop", settings=TelemetrySettings(trace_sample_ratio=0))
    reply = await request(app, "/")
    spans = collector.take()
    server = next(each for each in spans if each.kind is SpanKind.SERVER)
    ours = by_name(spans)["ours"]
    assert len([each for each in spans if each.kind is SpanKind.SERVER]) == 1
    assert f"{context_of(server).trace_id:032x}" == reply.header("x-trace-id")
    assert context_of(ours).trace_id == context_of(server).trace_id
    if owner == "contrib":
        FastAPIInstrumentor.uninstrument_app(app)


@pytest.mark.usefixtures("their_provider")
async def test_an_answer_of_middleware_tells_of_the_trace_that_somebody_else_made(
    collector: Collector,
) -> None:
    app = FastAPI(telemetry=OFF)

    @app.middleware("http")
    async def refuse(_asked: Request, _call_next: object) -> PlainTextResponse:
        return PlainTextResponse("no", status_code=403)

    FastAPIInstrumentor.instrument_app(app, exclude_spans=["receive", "send"])
    instrument(app, service_name="shop", settings=TelemetrySettings(trace_sample_ratio=0))
    reply = await request(app, "/")
    FastAPIInstrumentor.uninstrument_app(app)
    assert f"{context_of(collector.take_one()).trace_id:032x}" == reply.header("x-trace-id")


@pytest.mark.usefixtures("their_provider")
async def test_where_others_decide_what_is_kept_a_failed_background_task_changes_nothing(
    collector: Collector,
) -> None:
    async def fail() -> None:
        raise Broken

    async def work(tasks: BackgroundTasks) -> None:
        tasks.add_task(fail)

    collector.provider.sampler = ALWAYS_OFF
    app = FastAPI(telemetry=None)
    app.add_api_route("/", work, methods=["GET"])
    instrument(app, service_name="shop")
    assert isinstance((await request(app, "/")).error, Broken)
    assert collector.take() == []


@pytest.mark.parametrize("fails", [False, True])
async def test_spans_of_an_own_provider_are_not_recorded_outside_of_the_traces_that_are(
    *, fails: bool, collector: Collector
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(collector.exporter))
    carried: dict[str, str] = {}

    def read() -> None:
        with provider.get_tracer("theirs").start_as_current_span("theirs"):
            propagate.inject(carried)
            if fails:
                raise Broken

    app = answering(read)
    instrument(
        app,
        service_name="shop",
        settings=TelemetrySettings(trace_sample_ratio=0, slow_threshold=60),
        tracer_provider=provider,
    )
    reply = await request(app, "/")
    assert [each.name for each in collector.take()] == (["GET /"] if fails else [])
    _, trace_id, _, flags = carried["traceparent"].split("-")
    assert (trace_id, flags) == (reply.header("x-trace-id"), "00")


async def test_what_a_server_starts_with_the_last_message_is_in_no_trace(collector: Collector) -> None:
    seen_there: list[int] = []

    class Looking(Cycle):
        async def send(self, message: Message) -> None:
            seen_there.append(trace.get_current_span().get_span_context().trace_id)
            await super().send(message)

    app = answering(lambda: "fine")
    traced(app, collector, slow_threshold=60)
    reply = await serve(app, http_scope("/"), Looking())
    assert seen_there == [int(reply.header("x-trace-id"), 16), 0]


# With an exporter nothing is chosen: it would try again for seconds, and the tests that follow are not alone then.
@pytest.mark.parametrize(("ratio", "endpoint"), [(0, None), (1, None), (0, "http://127.0.0.1:9/v1/traces")])
async def test_an_endpoint_sees_the_callers_baggage(
    ratio: float, endpoint: str | None, collector: Collector
) -> None:
    seen_there: list[Mapping[str, object]] = []
    app = answering(lambda: seen_there.append(baggage.get_all()))
    instrument(
        app,
        service_name="shop",
        settings=TelemetrySettings(trace_sample_ratio=ratio, slow_threshold=60, otlp_endpoint=endpoint),
        tracer_provider=None if endpoint else collector.provider,
    )
    traceparent = (b"traceparent", f"00-{TRACE}-{CALLER}-{ratio:02x}".encode())
    await request(app, "/", headers=[traceparent, (b"baggage", b"tenant=acme")])
    await request(app, "/", headers=[traceparent])
    assert seen_there == [{"tenant": "acme"}, {}]


@pytest.mark.usefixtures("their_provider")
async def test_the_applications_own_provider_gets_the_spans(collector: Collector) -> None:
    app = answering(lambda: "fine")
    instrument(app, service_name="shop", settings=TelemetrySettings(trace_sample_ratio=1))
    await request(app, "/")
    assert collector.take_one().resource.attributes["service.name"] == "shop"


def test_ids_are_random_where_none_were_given(collector: Collector) -> None:
    telemetry = instrument_worker(service_name="worker", tracer_provider=collector.provider)
    tracing = telemetry.tracing
    assert tracing.provider is collector.provider
    assert isinstance(collector.provider.id_generator, RandomIdGenerator)


async def test_concurrent_work_hangs_where_it_was_started(collector: Collector) -> None:
    async def one(name: str) -> None:
        with span(name):
            await asyncio.sleep(0)
            with span(f"{name} within"):
                await asyncio.sleep(0)

    async def work() -> None:
        await asyncio.gather(one("a"), one("b"))
        raise Broken

    app = answering(work)
    traced(app, collector)
    await request(app, "/")
    spans = by_name(collector.take())
    for name in ("a", "b"):
        assert parent_of(spans[f"{name} within"]) == id_of(spans[name])


class Stamping(SpanProcessor):
    """A processor of the application's own, which says something on every span that starts."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        del parent_context
        span.set_attribute("tenant", "seven")


async def test_processors_that_hear_of_starts_hear_of_calls_that_are_over(collector: Collector) -> None:
    async def work() -> None:
        with pytest.raises(KeyError), span("call", size=3):
            raise KeyError
        with span("other"):
            pass
        raise Broken

    collector.provider.add_span_processor(Stamping())
    app = answering(work)
    traced(app, collector)
    await request(app, "/")
    server, call, other = collector.take()
    assert call.attributes == {"size": 3, "tenant": "seven", "error.type": "KeyError"}
    assert call.status.status_code is StatusCode.ERROR
    assert other.attributes == {"tenant": "seven"}
    assert parent_of(call) == parent_of(other) == id_of(server)
    assert server.attributes is not None
    assert server.attributes["tenant"] == "seven"


async def test_limits_of_attributes_hold_for_calls_that_are_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4")
    collector = Collector()

    async def work() -> None:
        with span("call", what="a long story"):
            pass
        raise Broken

    app = answering(work)
    traced(app, collector)
    await request(app, "/")
    assert by_name(collector.take())["call"].attributes == {"what": "a lo"}


@pytest.mark.parametrize("ratio", [0, 1])
async def test_what_an_application_says_on_its_span_is_what_it_said_last(
    ratio: float, collector: Collector
) -> None:
    async def work() -> None:
        server = trace.get_current_span()
        before = getattr(server, "attributes", None) or {}
        scheme = before.get("url.scheme", "http")
        server.set_attribute("url.scheme", "other")
        server.set_attribute("url.scheme", scheme)
        raise Broken

    app = answering(work)
    traced(app, collector, trace_sample_ratio=ratio)
    await request(app, "/")
    attributes = collector.take_one().attributes
    assert attributes is not None
    assert attributes["url.scheme"] == "http"


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
async def test_the_line_of_a_chosen_request_is_only_informative(level: int, collector: Collector) -> None:
    app = answering(lambda: "fine")
    traced(app, collector, trace_sample_ratio=1)
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    try:
        with structlog.testing.capture_logs() as events:
            await request(app, "/")
    finally:
        structlog.configure(wrapper_class=before)
    assert ("request" in {event["event"] for event in events}) == (level == logging.INFO)


async def test_loggers_that_do_not_filter_are_told(collector: Collector) -> None:
    app = answering(lambda: "fine")
    traced(app, collector, trace_sample_ratio=1)
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.BoundLogger)
    try:
        with structlog.testing.capture_logs() as events:
            await request(app, "/")
    finally:
        structlog.configure(wrapper_class=before)
    assert "request" in {event["event"] for event in events}
