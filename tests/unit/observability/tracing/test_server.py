"""A trace that was chosen at its start beside one that was kept because of how it ended."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse
from opentelemetry.instrumentation._semconv import _OpenTelemetrySemanticConventionStability
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.routing import Mount, Route

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


@pytest.mark.parametrize(
    ("method", "path"),
    [
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
    ],
)
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


@pytest.mark.parametrize("ratio", [0, 1])
async def test_names_that_the_environment_chooses_are_used_and_secrets_hidden(
    ratio: float, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_OpenTelemetrySemanticConventionStability, "_initialized", False)
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http/dup")
    app = traced(shop(), collector, trace_sample_ratio=ratio, slow_threshold=0)
    await request(app, "/fine", headers=[(b"host", b"x")])
    monkeypatch.undo()
    attributes = collector.take()[0].attributes
    assert attributes is not None
    assert {"http.method", "http.request.method"} <= attributes.keys()


async def test_an_application_without_its_outermost_layer_is_traced_afterwards(collector: Collector) -> None:
    app = shop()
    stack = PlainTextResponse("bare")
    app.build_middleware_stack = lambda: stack  # type: ignore[method-assign]
    traced(app, collector, trace_sample_ratio=1)
    assert (await request(app, "/fine")).body == b"bare"
    assert collector.take_one().name == "GET"


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
