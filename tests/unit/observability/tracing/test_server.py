"""A trace that was chosen at its start beside one that was kept because of how it ended, and beside OpenTelemetry's own."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from fastapi import APIRouter, BackgroundTasks, FastAPI, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse
from opentelemetry import propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.instrumentation._semconv import _OpenTelemetrySemanticConventionStability
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, StatusCode
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from observability.settings import TelemetrySettings
from observability.setup import instrument
from tests.unit.observability.server import Socket, request
from tests.unit.observability.tracing.conftest import Collector, seen


class Broken(Exception):
    pass


def fine() -> str:
    return "fine"


def refusing() -> PlainTextResponse:
    return PlainTextResponse("no", status_code=503, headers={"x-why": "so"})


async def raising(item_id: int) -> None:
    raise Broken(item_id)


async def fail() -> None:
    raise Broken


async def raising_late(tasks: BackgroundTasks) -> str:
    tasks.add_task(fail)
    return "fine"


async def torn() -> StreamingResponse:
    async def chunks() -> AsyncIterator[str]:
        yield "one"
        raise Broken

    return StreamingResponse(chunks())


def within(thing: str) -> str:
    return thing


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    raise Broken


def shop() -> FastAPI:
    app, router, inner = FastAPI(), APIRouter(prefix="/items"), FastAPI()
    for endpoint in (fine, refusing, raising_late, torn):
        app.add_api_route(f"/{endpoint.__name__}", endpoint, methods=["GET"])
    router.add_api_route("/{item_id}", raising, methods=["POST"])
    inner.add_api_route("/{thing}", within, methods=["GET"])
    app.add_api_websocket_route("/talk", talk)
    app.include_router(router)
    app.mount("/inner", inner)
    return app


def traced(app: Any, collector: Collector, **choices: Any) -> Any:
    instrument(
        app, service_name="shop", tracer_provider=collector.provider, settings=TelemetrySettings(**choices)
    )
    return app


REQUESTS = [
    ("GET", "/fine"),
    ("GET", "/fine?page=2"),
    ("GET", "/refusing"),
    ("POST", "/items/7"),
    ("POST", "/items/seven"),
    ("GET", "/items/7"),
    ("BREW", "/fine"),
    ("GET", "/raising_late"),
    ("GET", "/torn"),
    ("GET", "/inner/thing"),
    ("GET", "/nowhere"),
]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
async def test_the_two_kinds_of_traces_look_the_same(method: str, path: str, collector: Collector) -> None:
    sampled = traced(shop(), collector, trace_sample_ratio=1)
    buffered = traced(shop(), collector, trace_sample_ratio=0, slow_threshold=0)
    one = await request(sampled, path, method)
    first = [seen(span) for span in collector.take()]
    other = await request(buffered, path, method)
    second = [seen(span) for span in collector.take()]
    assert first == second
    assert first[0]["kind"] is SpanKind.SERVER
    assert (one.status, one.body, type(one.error)) == (other.status, other.body, type(other.error))


def behind_a_proxy(app: FastAPI, *, path: str) -> FastAPI:
    """With middleware that says who really asks, and for what."""

    class Telling:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            scope.update(client=("192.0.2.1", 0), scheme="https", method="GET", path=path)
            await self.app(scope, receive, send)

    app.add_middleware(Telling)
    return app


@pytest.mark.parametrize("path", ["/fine", "/nowhere"])
async def test_they_do_so_too_where_middleware_finds_out_who_asks(path: str, collector: Collector) -> None:
    sampled = traced(behind_a_proxy(shop(), path=path), collector, trace_sample_ratio=1)
    buffered = traced(behind_a_proxy(shop(), path=path), collector, trace_sample_ratio=0, slow_threshold=0)
    await request(sampled, "/proxied", "POST")
    first = [seen(span) for span in collector.take()]
    await request(buffered, "/proxied", "POST")
    assert first == [seen(span) for span in collector.take()]
    assert first[0]["attributes"]["client.address"] == "192.0.2.1"
    assert first[0]["attributes"]["url.scheme"] == "https"


@pytest.fixture(params=["http", "http/dup", "default"])
def names(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which names of attributes the environment chooses, until the test is over."""
    chosen = _OpenTelemetrySemanticConventionStability
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", request.param)
    monkeypatch.setattr(chosen, "_initialized", False)
    monkeypatch.setattr(chosen, "_OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING", {})


def theirs(app: FastAPI, collector: Collector) -> FastAPI:
    """The application as OpenTelemetry's instrumentation sees it."""
    collector.provider.sampler = ALWAYS_ON
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=collector.provider, exclude_spans=["receive", "send"]
    )
    return app


def said(span: ReadableSpan) -> dict[str, Any]:
    """What both say of a request; it knows no templates below mounts, and tells an error in mid-stream twice."""
    attributes = {name: value for name, value in (span.attributes or {}).items() if name != "http.route"}
    return {
        **seen(span),
        "name": "",
        "scope": "",
        "attributes": attributes,
        "events": {event.name for event in span.events},
    }


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.usefixtures("names")
async def test_a_request_says_what_opentelemetrys_instrumentation_says_of_it(
    method: str, path: str, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for captured in ("REQUEST", "RESPONSE"):
        monkeypatch.setenv(
            f"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_{captured}", "x-.*,content-type"
        )
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS", "x-private")
    headers = [
        (b"host", b"shop.example:8080"),
        (b"user-agent", b"curl/8"),
        (b"x-private", b"me"),
        (b"x-way", b"in"),
    ]
    await request(traced(shop(), collector, trace_sample_ratio=1), path, method, headers=headers)
    ours = said(collector.take()[0])
    await request(theirs(shop(), collector), path, method, headers=headers)
    assert ours == said(collector.take()[0])


@pytest.mark.usefixtures("names")
async def test_a_websocket_says_what_opentelemetrys_instrumentation_says_of_it(collector: Collector) -> None:
    with pytest.raises(Broken):
        await Socket("hello").talk(traced(shop(), collector, trace_sample_ratio=1), "/talk")
    ours = said(collector.take_one())
    with pytest.raises(Broken):
        await Socket("hello").talk(theirs(shop(), collector), "/talk")
    assert ours == said(collector.take_one())


@pytest.mark.usefixtures("names")
async def test_secrets_in_a_query_are_hidden_under_every_name(collector: Collector) -> None:
    app = traced(shop(), collector, trace_sample_ratio=1)
    await request(app, "/fine?token=hidden&page=2", headers=[(b"host", b"x")])
    told = [value for value in (collector.take_one().attributes or {}).values() if "page=2" in str(value)]
    assert told
    assert not any("hidden" in str(value) for value in told)


async def test_an_application_without_its_outermost_layer_is_traced_like_any_other(
    collector: Collector,
) -> None:
    app = shop()
    stack = PlainTextResponse("bare")
    app.build_middleware_stack = lambda: stack  # type: ignore[method-assign]
    traced(app, collector, trace_sample_ratio=1)
    assert (await request(app, "/fine")).body == b"bare"
    assert collector.take_one().name == "GET"


@pytest.mark.parametrize("ratio", [0, 1])
async def test_a_request_that_gets_no_answer_has_no_status_code(ratio: float, collector: Collector) -> None:
    async def stack(_scope: Any, _receive: Any, _send: Any) -> None:
        raise Broken

    app = shop()
    app.build_middleware_stack = lambda: stack  # type: ignore[method-assign]
    traced(app, collector, trace_sample_ratio=ratio)
    await request(app, "/fine")
    span = collector.take_one()
    assert "http.response.status_code" not in (span.attributes or {})
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "Broken: ")
    assert [event.name for event in span.events] == ["exception"]


class Listing(W3CBaggagePropagator):
    """A propagator that looks at the names of all headers."""

    names: list[str]

    def extract(self, carrier: Any, context: Any = None, getter: Any = None) -> Context:
        self.names = getter.keys(carrier)
        return Context() if context is None else context


class Mute(Exception):
    def __str__(self) -> str:
        raise TypeError


@pytest.mark.parametrize("ratio", [0, 1])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("cannot reach postgresql://shop:secret@db/shop"), "cannot reach postgresql://"),
        (Mute(), "<exception str() failed>"),
    ],
)
async def test_what_an_error_says_is_told_without_its_secrets(
    error: Exception, told: str, ratio: float, collector: Collector
) -> None:
    def fail() -> None:
        raise error

    app = FastAPI()
    app.add_api_route("/", fail, methods=["GET"])
    await request(traced(app, collector, trace_sample_ratio=ratio), "/")
    one = seen(collector.take_one())
    (event,) = one["events"]
    assert event[1]["exception.message"].startswith(told)
    assert "secret" not in str(one)


async def test_propagators_can_list_headers(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = Listing()
    monkeypatch.setattr(propagate, "_HTTP_TEXT_FORMAT", listing)
    await request(traced(shop(), collector, trace_sample_ratio=1), "/fine", headers=[(b"x-b3", b"1")])
    assert listing.names == ["host", "x-b3"]


class Refusing(SpanProcessor):
    def on_start(self, *_span: Any, **_options: Any) -> None:
        raise Broken


async def test_a_provider_that_fails_afterwards_fails_no_request(collector: Collector) -> None:
    app = traced(shop(), collector, trace_sample_ratio=0, slow_threshold=0)
    collector.provider.add_span_processor(Refusing())
    with structlog.testing.capture_logs() as events:
        reply = await request(app, "/fine")
    assert (reply.status, reply.error) == (200, None)
    assert "telemetry_trace_failed" in {event["event"] for event in events}


@pytest.mark.parametrize("ratio", [0, 1])
async def test_the_callers_span_is_the_parent_whatever_the_propagators_read(
    ratio: float, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propagate, "_HTTP_TEXT_FORMAT", W3CBaggagePropagator())  # as OTEL_PROPAGATORS=baggage
    app = traced(shop(), collector, trace_sample_ratio=ratio, slow_threshold=0)
    trace_id, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    await request(app, "/fine", headers=[(b"traceparent", f"00-{trace_id}-{caller}-01".encode())])
    kept = collector.take_one()
    assert kept.parent is not None
    assert (f"{kept.parent.trace_id:032x}", f"{kept.parent.span_id:016x}") == (trace_id, caller)
    assert kept.parent.is_remote


@pytest.mark.parametrize("ratio", [0, 1])
async def test_a_span_that_a_server_has_open_is_of_another_trace(ratio: float, collector: Collector) -> None:
    app = traced(shop(), collector, trace_sample_ratio=ratio, slow_threshold=0)
    tracer = TracerProvider(ALWAYS_ON, shutdown_on_exit=False).get_tracer("server")
    with tracer.start_as_current_span("serve"):
        reply = await request(app, "/fine")
    kept = collector.take_one()
    assert kept.parent is None
    assert kept.context is not None
    assert f"{kept.context.trace_id:032x}" == reply.header("x-trace-id")


@pytest.mark.parametrize("ratio", [0, 1])
async def test_a_url_that_opentelemetry_shall_leave_out_has_no_trace(
    ratio: float, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_FASTAPI_EXCLUDED_URLS", "fine,raising_late")
    app = traced(shop(), collector, trace_sample_ratio=ratio, slow_threshold=0)
    with structlog.testing.capture_logs() as events:
        assert (await request(app, "/fine")).status == 200
    assert collector.take() == []
    openmetrics = [(b"accept", b"application/openmetrics-text; version=1.0.0")]
    assert b"trace_id=" not in (await request(app, "/metrics", headers=openmetrics)).body
    assert "telemetry_trace_failed" not in {event["event"] for event in events}
    assert type((await request(app, "/raising_late")).error) is Broken
    await request(app, "/refusing")
    assert [span.name for span in collector.take()] == ["GET /refusing"]


async def test_starlette_is_traced_like_fastapi(collector: Collector) -> None:
    app = Starlette(routes=[Mount("/inner", routes=[Route("/{thing}", lambda _: PlainTextResponse("ok"))])])
    traced(app, collector, trace_sample_ratio=1)
    await request(app, "/inner/thing")
    assert collector.take_one().name == "GET /inner/{thing}"


@pytest.mark.parametrize("ratio", [0, 1])
async def test_a_websocket_is_traced_the_same_way_too(ratio: float, collector: Collector) -> None:
    app = traced(shop(), collector, trace_sample_ratio=ratio)
    with pytest.raises(Broken):
        await Socket("hello").talk(app, "/talk")
    assert collector.take_one().name == "/talk"
