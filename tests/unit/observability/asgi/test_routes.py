"""Which template a request is counted under."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Match, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from observability.conventions import SHED, UNMATCHED
from observability.settings import TelemetrySettings
from observability.setup import Telemetry, instrument
from observability.testing import label_values, recorded, series
from tests.unit.observability.server import request, start

DURATIONS = "http_server_request_duration_seconds_count"
OUTCOMES = "http_server_request_outcomes_total"


def instrumented(app: Starlette) -> Telemetry:
    return instrument(app, service_name="shop")


async def routes_of(app: Starlette, *paths: str, method: str = "GET", root_path: str = "") -> list[str]:
    """The route each of these requests was counted under."""
    telemetry, routes = instrumented(app), []
    before = counted(telemetry)
    for path in paths:
        await request(app, path, method, root_path=root_path)
        after = counted(telemetry)
        (route,) = [route for route, count in after.items() if count > before.get(route, 0)]
        routes.append(route)
        before = after
    return routes


def counted(telemetry: Telemetry) -> dict[str, float]:
    return {
        dict(labels)["http_route"]: value for labels, value in series(telemetry.registry, OUTCOMES).items()
    }


def with_route(path: str, app: Any) -> Any:
    app.add_api_route(path, lambda: "ok", methods=["GET"])
    return app


async def test_an_included_router_keeps_its_prefix() -> None:
    app, router = FastAPI(), with_route("/items/{item_id}", APIRouter(prefix="/v1"))
    app.include_router(router, prefix="/api")
    assert await routes_of(app, "/api/v1/items/7") == ["/api/v1/items/{item_id}"]


async def test_routers_within_routers_keep_every_prefix() -> None:
    app, outer, inner = (
        FastAPI(),
        APIRouter(prefix="/outer"),
        with_route("/{item_id}", APIRouter(prefix="/inner")),
    )
    outer.include_router(inner)
    app.include_router(outer)
    assert await routes_of(app, "/outer/inner/7") == ["/outer/inner/{item_id}"]


async def test_one_router_included_twice_is_two_routes() -> None:
    app, router = FastAPI(), with_route("/items", APIRouter())
    app.include_router(router, prefix="/v1")
    app.include_router(router, prefix="/v2")
    assert await routes_of(app, "/v1/items", "/v2/items") == ["/v1/items", "/v2/items"]


async def test_two_inclusions_that_look_alike_are_told_apart_as_the_router_did() -> None:
    app, router = FastAPI(), with_route("/items", APIRouter())
    app.include_router(router, prefix="/{number:int}")
    app.include_router(router, prefix="/{name}")
    assert await routes_of(app, "/acme/items", "/7/items") == ["/{name}/items", "/{number}/items"]


async def test_one_endpoint_of_two_paths_is_two_routes() -> None:
    async def answer() -> str:
        return "ok"

    app = FastAPI()
    app.get("/old")(app.get("/new")(answer))
    assert await routes_of(app, "/old", "/new") == ["/old", "/new"]


async def test_a_mounted_fastapi_application_keeps_the_mount_path() -> None:
    app = FastAPI()
    app.mount("/shop", with_route("/items/{item_id}", FastAPI()))
    assert await routes_of(app, "/shop/items/7") == ["/shop/items/{item_id}"]


async def test_mounts_within_mounts_keep_every_path() -> None:
    app, middle = FastAPI(), FastAPI()
    middle.mount("/inner", with_route("/items/{item_id}", FastAPI()))
    app.mount("/outer", middle)
    assert await routes_of(app, "/outer/inner/items/7") == ["/outer/inner/items/{item_id}"]


async def test_a_router_included_by_a_mounted_application_keeps_both_prefixes() -> None:
    app, inner = FastAPI(), FastAPI()
    inner.include_router(with_route("/items/{item_id}", APIRouter()), prefix="/v1")
    app.mount("/shop", inner)
    assert await routes_of(app, "/shop/v1/items/7") == ["/shop/v1/items/{item_id}"]


async def test_an_application_mounted_on_an_included_router_keeps_both_prefixes() -> None:
    app, router = FastAPI(), APIRouter()
    router.mount("/shop", with_route("/items/{item_id}", FastAPI()))
    app.include_router(router, prefix="/v1")
    assert await routes_of(app, "/v1/shop/items/7") == ["/v1/shop/items/{item_id}"]


async def test_one_application_mounted_twice_is_told_apart() -> None:
    app, inner = FastAPI(), with_route("/items/{item_id}", FastAPI())
    app.mount("/v1", inner)
    app.mount("/v2", inner)
    assert await routes_of(app, "/v2/items/7", "/v1/items/7") == [
        "/v2/items/{item_id}",
        "/v1/items/{item_id}",
    ]


async def test_a_parameter_in_a_mount_path_stays_a_parameter() -> None:
    app = FastAPI()
    app.mount("/{tenant}", with_route("/items/{item_id}", FastAPI()))
    routes = await routes_of(app, "/acme/items/7", "/globex/items/8")
    assert routes == ["/{tenant}/items/{item_id}"] * 2


async def test_a_mounted_application_behind_middleware_is_seen_through() -> None:
    app = FastAPI()
    app.mount("/shop", GZipMiddleware(with_route("/items/{item_id}", FastAPI())))
    assert await routes_of(app, "/shop/items/7", "/shop/nothing") == ["/shop/items/{item_id}", UNMATCHED]


async def test_middleware_that_copies_the_scope_hides_no_route() -> None:
    class Copying:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await self.app(dict(scope), receive, send)

    app = FastAPI()
    app.include_router(with_route("/items/{item_id}", APIRouter()), prefix="/v1")
    app.add_middleware(Copying)
    telemetry = instrumented(app)
    await start(app)
    await request(app, "/v1/items/7")
    assert recorded(telemetry.registry, OUTCOMES, http_route="/v1/items/{item_id}") == 1


async def test_a_mounted_starlette_application_keeps_the_mount_path() -> None:
    app, inner = FastAPI(), Starlette(routes=[Route("/items/{item_id}", plain)])
    app.mount("/shop", inner)
    assert await routes_of(app, "/shop/items/7") == ["/shop/items/{item_id}"]


async def test_fastapi_mounted_in_starlette_keeps_the_mount_path() -> None:
    app = Starlette(routes=[Mount("/shop", with_route("/items/{item_id}", FastAPI()))])
    routes = await routes_of(app, "/shop/items/7", "/shop/docs", "/shop/nothing")
    assert routes == ["/shop/items/{item_id}", "/shop/docs", UNMATCHED]


async def test_plain_starlette_routes_of_fastapi_are_known() -> None:
    app, router = FastAPI(), APIRouter()
    app.add_route("/plain/{name}", plain)
    router.add_route("/plain/{name}", plain)
    app.include_router(router, prefix="/v1")
    assert await routes_of(app, "/plain/x", "/v1/plain/x", "/docs", "/openapi.json") == [
        "/plain/{name}",
        "/v1/plain/{name}",
        "/docs",
        "/openapi.json",
    ]


async def test_one_plain_endpoint_of_two_paths_is_told_apart() -> None:
    app = FastAPI()
    app.add_route("/old/{name}", plain)
    app.add_route("/new/{name}", plain)
    assert await routes_of(app, "/new/x", "/old/x") == ["/new/{name}", "/old/{name}"]


async def test_every_path_of_static_files_is_one_route(tmp_path: Path) -> None:
    (tmp_path / "logo.svg").write_text("<svg/>")
    app = FastAPI()
    app.mount("/static", StaticFiles(directory=tmp_path))
    assert await routes_of(app, "/static/logo.svg", "/static/missing.svg") == ["/static/{path}"] * 2


async def test_an_opaque_application_is_one_route() -> None:
    app = FastAPI()
    app.mount("/legacy", PlainTextResponse("ok"))
    assert await routes_of(app, "/legacy/a", "/legacy/b/c") == ["/legacy/{path}"] * 2


async def test_every_path_of_a_frontend_is_one_route(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>hello</p>")
    app = FastAPI()
    app.frontend("/app", directory=tmp_path)
    assert await routes_of(app, "/app/", "/app/index.html") == ["/app/{path}"] * 2


async def test_routes_of_a_host_are_known() -> None:
    inner = Starlette(routes=[Route("/items/{item_id}", plain)])
    app = Starlette(routes=[Host("testserver", app=inner)])
    assert await routes_of(app, "/items/7") == ["/items/{item_id}"]


@pytest.mark.parametrize("path", ["/nothing", "/shop/nothing", "/items/"])
async def test_unmatched_paths_and_slash_redirects_share_one_label(path: str) -> None:
    app = with_route("/items", FastAPI())
    app.mount("/shop", with_route("/items", FastAPI()))
    assert await routes_of(app, path) == [UNMATCHED]


async def test_a_method_that_a_route_does_not_allow_counts_under_the_route() -> None:
    app = FastAPI()
    app.include_router(with_route("/items", APIRouter()), prefix="/v1")
    telemetry = instrumented(app)
    await request(app, "/v1/items", "DELETE")
    assert (
        recorded(telemetry.registry, DURATIONS, http_route="/v1/items", http_response_status_code="405") == 1
    )


async def test_a_request_that_fails_validation_counts_under_the_route() -> None:
    app = FastAPI()

    @app.get("/items/{item_id}")
    async def read(item_id: int) -> int:
        return item_id

    telemetry = instrumented(app)
    await request(app, "/items/seven")
    assert (
        recorded(
            telemetry.registry, DURATIONS, http_route="/items/{item_id}", http_response_status_code="422"
        )
        == 1
    )


@pytest.mark.parametrize("path", ["/items/7", "/proxy/items/7"])
async def test_the_root_path_of_a_proxy_is_no_part_of_the_template(path: str) -> None:
    app = with_route("/items/{item_id}", FastAPI())
    assert await routes_of(app, path, root_path="/proxy") == ["/items/{item_id}"]


async def test_a_mount_behind_a_proxy_keeps_its_path_alone() -> None:
    app, inner = FastAPI(), with_route("/items/{item_id}", FastAPI())
    app.mount("/v1", inner)
    app.mount("/v2", inner)
    assert await routes_of(app, "/proxy/v2/items/7", root_path="/proxy") == ["/v2/items/{item_id}"]


async def test_a_route_added_after_the_start_is_learnt() -> None:
    app = FastAPI()
    telemetry = instrumented(app)
    await start(app)
    with_route("/late/{name}", app)
    await request(app, "/late/x")
    assert recorded(telemetry.registry, OUTCOMES, http_route="/late/{name}") == 1


async def test_an_endpoint_that_gets_a_second_path_later_is_told_apart() -> None:
    app = FastAPI()
    app.add_route("/old", plain)
    telemetry = instrumented(app)
    await request(app, "/old")
    app.add_route("/new", plain)
    with_route("/other", app)
    for path in ("/other", "/new", "/old"):
        await request(app, path)
    assert recorded(telemetry.registry, OUTCOMES, http_route="/new") == 1
    assert recorded(telemetry.registry, OUTCOMES, http_route="/old") == 2


def dispatcher(app: Any) -> Callable[..., Any]:
    """An application that hides another one from whoever looks for routes."""

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return dispatch


async def test_a_route_hidden_in_an_opaque_application_is_learnt_once() -> None:
    app = FastAPI()
    app.mount("/hidden", dispatcher(with_route("/items/{item_id}", FastAPI())))
    assert await routes_of(app, "/hidden/items/7", "/hidden/items/8") == ["/hidden/items/{item_id}"] * 2


async def test_routes_hidden_in_opaque_applications_stay_known() -> None:
    app, hidden = FastAPI(), with_route("/orders", with_route("/items", FastAPI()))
    app.mount("/hidden", dispatcher(hidden))
    telemetry = instrumented(app)
    for _ in range(600):
        await request(app, "/hidden/items")
        await request(app, "/hidden/orders")
    assert recorded(telemetry.registry, OUTCOMES, http_route="/hidden/items") == 600
    assert recorded(telemetry.registry, OUTCOMES, http_route="/hidden/orders") == 600


async def test_an_application_that_invents_routes_ends_up_unmatched() -> None:
    async def inventive(scope: Any, receive: Any, send: Any) -> None:
        scope["route"] = Route(scope["path"], plain)
        scope["endpoint"] = plain
        await PlainTextResponse("ok")(scope, receive, send)

    app = FastAPI()
    app.mount("/hidden", inventive)
    telemetry = instrumented(app)
    for number in range(1_100):
        await request(app, f"/hidden/{number}")
    invented = {
        route for route in label_values(telemetry.registry, OUTCOMES, "http_route") if "/hidden" in route
    }
    assert len(invented) <= 1_001
    assert recorded(telemetry.registry, OUTCOMES, http_route=UNMATCHED, outcome="completed") == 100


def plain(_request: Request) -> Response:
    return PlainTextResponse("ok")


async def test_a_flood_of_paths_and_methods_makes_no_new_label() -> None:
    app = with_route("/items/{item_id}", FastAPI())
    telemetry = instrumented(app)
    for number in range(300):
        await request(app, f"/{number}/nothing", f"METHOD{number}")
        await request(app, f"/items/{number}")
    assert label_values(telemetry.registry, DURATIONS, "http_route") >= {UNMATCHED, "/items/{item_id}"}
    assert not {route for route in label_values(telemetry.registry, DURATIONS, "http_route") if "1" in route}
    assert label_values(telemetry.registry, DURATIONS, "http_request_method") == {"GET", "HEAD", "_OTHER"}


async def test_success_and_failure_of_each_route_exist_before_the_first_request() -> None:
    app = FastAPI()
    app.include_router(with_route("/items", APIRouter()), prefix="/v1")
    app.post("/orders", status_code=201)(lambda: None)
    telemetry = instrumented(app)
    await start(app)
    found = series(telemetry.registry, DURATIONS)
    known = {(dict(labels)["http_route"], dict(labels)["http_response_status_code"]) for labels in found}
    assert known >= {("/v1/items", "200"), ("/v1/items", "500"), ("/orders", "201"), ("/orders", "500")}
    assert set(found.values()) == {0}


async def test_refusals_under_load_exist_before_the_first_where_the_application_says_so() -> None:
    app = FastAPI()
    app.get("/items")(lambda: None)
    app.post("/items")(lambda: None)
    telemetry = instrument(app, service_name="shop", settings=TelemetrySettings(sheds_load=True))
    await start(app)
    refused = {"http_route": SHED, "http_response_status_code": "503"}
    for method in ("GET", "POST"):
        assert recorded(telemetry.registry, DURATIONS, http_request_method=method, **refused) == 0
    assert recorded(telemetry.registry, OUTCOMES, http_route=SHED, outcome="shed") == 0


async def test_routes_added_during_the_start_exist_before_the_first_request() -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with_route("/late", app)
        yield

    app = FastAPI(lifespan=lifespan)
    telemetry = instrumented(app)
    await start(app)
    assert recorded(telemetry.registry, OUTCOMES, http_route="/late") == 0


class Elsewhere(BaseRoute):
    """A route of somebody's own making, with neither endpoint nor application."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.FULL if scope["path"] == "/elsewhere" else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("ok")(scope, receive, send)


async def test_a_route_that_shows_nothing_is_unmatched_and_harms_no_other() -> None:
    app = Starlette(routes=[Elsewhere(), Route("/items", plain)])
    assert await routes_of(app, "/elsewhere", "/items") == [UNMATCHED, "/items"]
