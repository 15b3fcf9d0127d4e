"""What a request counts as, and what its response carries."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.sse import EventSourceResponse
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from observability import context
from observability.context import mark_limit, mark_shed
from observability.settings import TelemetrySettings
from observability.setup import Telemetry, instrument
from observability.testing import recorded, series
from tests.unit.observability.server import Cycle, http_scope, request, serve, until

DURATION = "http_server_request_duration_seconds"
STARTS = "http_server_response_start_seconds_count"
OUTCOMES = "http_server_request_outcomes_total"
ACTIVE = "http_server_active_requests"
OK = {"http_route": "/", "http_response_status_code": "200"}
FAILED = {"http_route": "/", "http_response_status_code": "500"}


def instrumented(app: FastAPI, **choices: Any) -> Telemetry:
    return instrument(app, service_name="shop", settings=TelemetrySettings(**choices))


def outcomes(telemetry: Telemetry, route: str = "/") -> dict[str, float]:
    found = series(telemetry.registry, OUTCOMES, http_route=route)
    return {dict(labels)["outcome"]: value for labels, value in found.items() if value}


def answering(app: FastAPI, path: str = "/", **options: Any) -> FastAPI:
    app.add_api_route(path, lambda: "ok", methods=["GET"], **options)
    return app


async def test_a_request_is_counted_once_with_method_route_and_status() -> None:
    app = answering(FastAPI())
    telemetry = instrumented(app)
    await request(app, "/")
    assert recorded(telemetry.registry, f"{DURATION}_count", http_request_method="GET", **OK) == 1
    assert outcomes(telemetry) == {"completed": 1}


async def test_background_tasks_are_no_part_of_the_duration() -> None:
    app, may_end = FastAPI(), asyncio.Event()

    @app.get("/")
    async def read(tasks: BackgroundTasks) -> None:
        tasks.add_task(may_end.wait)

    telemetry = instrumented(app)
    cycle = Cycle()
    serving = asyncio.create_task(serve(app, http_scope("/"), cycle))
    await cycle.over.wait()
    await asyncio.sleep(0)
    assert recorded(telemetry.registry, f"{DURATION}_count", **OK) == 1
    assert recorded(telemetry.registry, ACTIVE) == 0
    may_end.set()
    await serving
    assert recorded(telemetry.registry, f"{DURATION}_count", **OK) == 1


async def test_a_request_is_in_flight_until_its_last_byte() -> None:
    app, may_end = FastAPI(), asyncio.Event()

    @app.get("/")
    async def read() -> None:
        await may_end.wait()

    telemetry = instrumented(app)
    serving = asyncio.create_task(request(app, "/"))
    await until(lambda: recorded(telemetry.registry, ACTIVE))
    may_end.set()
    await serving
    assert recorded(telemetry.registry, ACTIVE) == 0


async def test_an_unhandled_exception_is_a_500_that_carries_the_headers() -> None:
    app = FastAPI()

    @app.get("/")
    async def fail() -> None:
        raise ZeroDivisionError

    telemetry = instrumented(app)
    reply = await request(app, "/")
    assert isinstance(reply.error, ZeroDivisionError)
    assert len(reply.header("X-Trace-Id")) == 32
    assert recorded(telemetry.registry, f"{DURATION}_count", **FAILED) == 1
    assert outcomes(telemetry) == {"completed": 1}


async def test_an_application_that_answers_nothing_is_an_aborted_500() -> None:
    async def silent(_scope: Scope, _receive: Receive, _send: Send) -> None:
        pass

    app = FastAPI()
    app.mount("/", silent)
    telemetry = instrumented(app)
    await request(app, "/x")
    assert outcomes(telemetry, "/{path}") == {"aborted": 1}
    labels = {"http_route": "/{path}", "http_response_status_code": "500"}
    assert recorded(telemetry.registry, f"{DURATION}_count", **labels) == 1


async def test_a_stream_that_breaks_off_is_aborted_and_a_500() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        raise ZeroDivisionError

    app = answering_with(lambda: StreamingResponse(chunks()))
    telemetry = instrumented(app)
    await request(app, "/")
    assert outcomes(telemetry) == {"aborted": 1}
    assert recorded(telemetry.registry, f"{DURATION}_count", **FAILED) == 1
    assert recorded(telemetry.registry, ACTIVE) == 0


def answering_with(response: Any) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def read() -> Response:
        answer: Response = response()
        return answer

    return app


@pytest.mark.parametrize("chunks", [[b"one"], [b"one", b"two", b"three"], [b"", b"one"]])
async def test_a_streamed_response_shows_when_its_first_byte_went_out(chunks: list[bytes]) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    app = answering_with(lambda: StreamingResponse(stream()))
    telemetry = instrumented(app)
    reply = await request(app, "/")
    assert reply.body == b"".join(chunks)
    assert recorded(telemetry.registry, STARTS, http_route="/") == 1
    assert recorded(telemetry.registry, f"{DURATION}_count", **OK) == 1


async def test_server_sent_events_are_a_stream() -> None:
    app = FastAPI()

    @app.get("/", response_class=EventSourceResponse)
    async def events() -> AsyncIterator[dict[str, int]]:
        for number in range(3):
            yield {"number": number}

    telemetry = instrumented(app)
    assert (await request(app, "/")).body.count(b"data: ") == 3
    assert recorded(telemetry.registry, STARTS, http_route="/") == 1
    assert outcomes(telemetry) == {"completed": 1}


async def test_a_stream_of_nothing_has_no_first_byte() -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b""

    app = answering_with(lambda: StreamingResponse(stream()))
    telemetry = instrumented(app)
    assert (await request(app, "/")).body == b""
    assert recorded(telemetry.registry, STARTS) is None


async def test_an_ordinary_response_passed_on_in_pieces_is_no_stream() -> None:
    async def pass_on(http_request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(http_request)

    app = answering(FastAPI())
    app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
    telemetry = instrumented(app)
    assert (await request(app, "/")).body == b'"ok"'
    assert recorded(telemetry.registry, STARTS) is None
    assert recorded(telemetry.registry, f"{DURATION}_count", **OK) == 1


async def test_a_file_that_the_server_sends_by_itself_completes() -> None:
    async def sending_a_path(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.pathsend", "path": "/nowhere"})

    app = FastAPI()
    app.mount("/", sending_a_path)
    telemetry = instrumented(app)
    await request(app, "/x")
    assert outcomes(telemetry, "/{path}") == {"completed": 1}


async def test_other_messages_pass_and_end_nothing() -> None:
    async def hinting(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.early_hint", "links": []})
        await PlainTextResponse("ok")(_scope, _receive, send)

    app = FastAPI()
    app.mount("/", hinting)
    telemetry = instrumented(app)
    assert (await request(app, "/x")).body == b"ok"
    assert outcomes(telemetry, "/{path}") == {"completed": 1}


async def test_a_client_that_leaves_before_the_response_burns_no_slo() -> None:
    app, has_left = FastAPI(), asyncio.Event()

    @app.get("/")
    async def read() -> None:
        await has_left.wait()

    telemetry, cycle = instrumented(app), Cycle()
    serving = asyncio.create_task(serve(app, http_scope("/"), cycle))
    cycle.leave()
    has_left.set()
    await serving
    assert_left(telemetry)


def assert_left(telemetry: Telemetry) -> None:
    assert outcomes(telemetry) == {"client_disconnected": 1}
    assert sum(series(telemetry.registry, f"{DURATION}_count", http_route="/").values()) == 0
    assert recorded(telemetry.registry, ACTIVE) == 0


async def test_a_client_that_leaves_in_the_middle_of_a_stream_burns_no_slo() -> None:
    async def forever() -> AsyncIterator[bytes]:
        while True:
            yield b"more"
            await asyncio.sleep(0)

    app = answering_with(lambda: StreamingResponse(forever()))
    telemetry, cycle = instrumented(app), Cycle()
    serving = asyncio.create_task(serve(app, http_scope("/"), cycle))
    await cycle.started.wait()
    cycle.leave()
    await serving
    assert_left(telemetry)


async def test_a_client_whose_leaving_shows_as_a_failed_send_burns_no_slo() -> None:
    app, cycle = answering(FastAPI()), Cycle()
    cycle.refuses_to_send = True
    telemetry = instrumented(app)
    await serve(app, http_scope("/"), cycle)
    assert_left(telemetry)


@pytest.mark.parametrize("shows_on_send", [True, False])
async def test_an_endpoint_that_fails_because_the_client_left_burns_no_slo(*, shows_on_send: bool) -> None:
    app, cycle = FastAPI(), Cycle()

    @app.get("/")
    async def read(http_request: Request) -> None:
        await http_request.body()
        cycle.leave(shows_on_send=shows_on_send)
        assert await http_request.is_disconnected()
        raise ConnectionResetError

    telemetry = instrumented(app)
    await serve(app, http_scope("/"), cycle)
    assert_left(telemetry)


@pytest.mark.parametrize(("is_shed", "outcome"), [(False, "completed"), (True, "shed")])
async def test_a_stream_whose_server_tells_of_its_end_while_it_is_sent_is_complete(
    *, is_shed: bool, outcome: str
) -> None:
    class Prompt(Cycle):
        async def send(self, message: Message) -> None:
            await super().send(message)
            if self.over.is_set():
                await asyncio.Event().wait()

    async def one() -> AsyncIterator[bytes]:
        if is_shed:
            mark_shed()
        yield b"all"

    app = answering_with(lambda: StreamingResponse(one()))
    telemetry = instrumented(app)
    await serve(app, http_scope("/"), Prompt())
    assert outcomes(telemetry) == {outcome: 1}
    assert recorded(telemetry.registry, f"{DURATION}_count", **OK) == 1


async def test_a_second_last_message_changes_nothing() -> None:
    async def twice(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("ok")(scope, receive, send)
        await send({"type": "http.response.body", "body": b"more"})

    app = FastAPI()
    app.mount("/", twice)
    telemetry = instrumented(app)
    await request(app, "/x")
    assert outcomes(telemetry, "/{path}") == {"completed": 1}
    assert recorded(telemetry.registry, ACTIVE) == 0


async def test_looking_for_a_disconnect_after_the_response_changes_nothing() -> None:
    async def curious(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await PlainTextResponse("ok")(scope, receive, send)
        assert (await receive())["type"] == "http.disconnect"

    app = FastAPI()
    app.mount("/", curious)
    telemetry = instrumented(app)
    assert (await request(app, "/x")).error is None
    assert outcomes(telemetry, "/{path}") == {"completed": 1}


async def test_a_cancelled_request_is_aborted() -> None:
    app = FastAPI()

    @app.get("/")
    async def read() -> None:
        await asyncio.Event().wait()

    telemetry = instrumented(app)
    serving = asyncio.create_task(request(app, "/"))
    await until(lambda: recorded(telemetry.registry, ACTIVE))
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert outcomes(telemetry) == {"aborted": 1}
    assert recorded(telemetry.registry, f"{DURATION}_count", **FAILED) == 1


async def test_a_request_refused_under_load_is_shed() -> None:
    app = FastAPI()

    @app.get("/")
    async def refuse() -> Response:
        mark_shed()
        return PlainTextResponse("busy", status_code=503)

    telemetry = instrumented(app)
    await request(app, "/")
    assert outcomes(telemetry) == {"shed": 1}
    assert (
        recorded(telemetry.registry, f"{DURATION}_count", http_route="/", http_response_status_code="503")
        == 1
    )


async def test_a_request_that_a_limit_ends_is_counted_under_its_route() -> None:
    app = FastAPI()

    @app.get("/")
    async def give_up() -> Response:
        mark_limit("deadline")
        return PlainTextResponse("too late", status_code=503)

    telemetry = instrumented(answering(app, path="/fine"), limits=("deadline", "rate"))
    for path in ("/", "/fine", "/"):
        await request(app, path)
    assert {
        (route, limit): count
        for labels, count in series(telemetry.registry, "http_server_limits_exceeded_total").items()
        for route, limit in [(dict(labels)["http_route"], dict(labels)["limit"])]
    } == {("/", "deadline"): 2, ("<unmatched>", "deadline"): 0, ("<unmatched>", "rate"): 0}
    assert outcomes(telemetry) == {"completed": 2}


async def test_head_is_counted_as_head() -> None:
    app = FastAPI()
    app.add_api_route("/", lambda: "ok", methods=["GET", "HEAD"])
    telemetry = instrumented(app)
    await request(app, "/", "HEAD")
    assert recorded(telemetry.registry, f"{DURATION}_count", http_request_method="HEAD", **OK) == 1


async def test_an_unknown_method_is_counted_as_other() -> None:
    app = answering(FastAPI())
    telemetry = instrumented(app)
    await request(app, "/", "BREW")
    assert recorded(telemetry.registry, f"{DURATION}_count", http_request_method="_OTHER") == 1


@pytest.mark.parametrize(("db", "cache"), [(0.25, 0.5), (0.25, 0.0), (0.0, 0.5)])
async def test_responses_tell_their_process_time_and_where_it_went(db: float, cache: float) -> None:
    app = FastAPI()

    @app.get("/")
    async def read() -> None:
        record = context.current()
        assert record is not None
        record.db_seconds, record.cache_seconds = db, cache

    instrumented(app)
    reply = await request(app, "/")
    timing = dict(part.split(";dur=") for part in reply.header("Server-Timing").split(", "))
    assert set(timing) == {"app", "db", "cache"}
    assert (float(timing["db"]), float(timing["cache"])) == (db * 1_000, cache * 1_000)
    assert float(timing["app"]) == pytest.approx(float(reply.header("X-Process-Time")) * 1_000, abs=0.01)


async def test_a_response_that_used_neither_says_so() -> None:
    app = answering(FastAPI())
    instrumented(app)
    assert (await request(app, "/")).header("Server-Timing").endswith(", db;dur=0, cache;dur=0")


async def test_headers_of_the_same_names_are_replaced_but_server_timing_is_added_to() -> None:
    def response() -> Response:
        mine = {"x-process-time": "mine", "x-trace-id": "mine", "server-timing": "mine;dur=1"}
        return PlainTextResponse("ok", headers=mine)

    app = answering_with(response)
    instrumented(app)
    reply = await request(app, "/")
    assert reply.header("X-Process-Time") != "mine"
    assert reply.header("X-Trace-Id") != "mine"
    assert len([name for name, _ in reply.headers if name == "server-timing"]) == 2


async def test_a_response_that_is_sent_twice_collects_no_headers() -> None:
    shared = PlainTextResponse("ok")
    app = answering_with(lambda: shared)
    instrumented(app)
    first, second = await request(app, "/"), await request(app, "/")
    assert len(first.headers) == len(second.headers)


async def test_server_timing_can_be_kept_from_clients() -> None:
    app = answering(FastAPI())
    instrumented(app, server_timing=False)
    names = {name for name, _ in (await request(app, "/")).headers}
    assert "server-timing" not in names
    assert {"x-process-time", "x-trace-id"} <= names


async def test_no_header_is_touched_where_none_is_wanted() -> None:
    app = answering_with(lambda: PlainTextResponse("ok", headers={"x-process-time": "mine"}))
    instrumented(app, response_headers=False)
    reply = await request(app, "/")
    assert {name for name, _ in reply.headers} == {"content-length", "content-type", "x-process-time"}
    assert reply.header("X-Process-Time") == "mine"


async def test_latency_thresholds_are_exact_buckets() -> None:
    app = answering(FastAPI())
    telemetry = instrumented(app, latency_thresholds=(0.123,))
    await request(app, "/")
    assert (
        recorded(telemetry.registry, f"{DURATION}_bucket", le="0.123", http_request_method="GET", **OK) == 1
    )
