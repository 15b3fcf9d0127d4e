"""Whatever goes wrong is a problem document, which says where, and leads to its trace."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import structlog
import uvicorn

from service.settings import Settings
from tests.integration.conftest import Api, serving
from tests.integration.problems import problem
from tests.unit.observability.server import until

JSON = {"Content-Type": "application/json"}


async def test_an_unknown_path_is_a_problem(api: Api) -> None:
    document = problem(await api.client.get("/nowhere"), 404)
    assert (document["type"], document["title"], document["instance"]) == (
        "about:blank",
        "Not Found",
        "/nowhere",
    )


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/products", "GET, HEAD, POST"),
        ("POST", "/products/1", "DELETE, GET, HEAD, PATCH"),
        ("DELETE", "/items/1", "GET, HEAD"),
        ("GET", "/items/1/adjust", "POST"),
        ("GET", "/token", "POST"),
        ("POST", "/docs", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_does_not_have_is_answered_with_those_it_has(
    api: Api, method: str, path: str, allowed: str
) -> None:
    answer = await api.client.request(method, path)
    problem(answer, 405)
    assert sorted(answer.headers["allow"].split(", ")) == allowed.split(", ")


async def test_the_instance_of_a_problem_is_the_path_as_a_url_spells_it(api: Api) -> None:
    answer = await api.client.get("/products/a%00%20%C3%A9", headers={"Host": "elsewhere/path"})
    assert problem(answer, 422, "path.product_id")["instance"] == "/products/a%00%20%C3%A9"


@pytest.mark.parametrize("product_id", ["0", "-1", "abc", "1.5", "%00", "9" * 19, "9" * 5000, "1e3", "0x1"])
async def test_an_id_that_cannot_be_is_refused(api: Api, product_id: str) -> None:
    problem(await api.client.get(f"/products/{product_id}"), 422, "path.product_id")
    problem(await api.client.get(f"/items/{product_id}"), 422, "path.item_id")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"\xff\xfe\x00", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b'{"name": ' + b"9" * 5000 + b"}", 400),
        (b"[" * 100_000, 400),
    ],
    ids=["empty", "cut off", "not text", "list", "null", "text", "huge number", "deeply nested"],
)
async def test_a_body_that_cannot_be_read_is_refused(api: Api, body: bytes, status: int) -> None:
    answer = await api.client.post("/products", content=body, headers=api.as_writer(**JSON))
    problem(answer, status, "body")


async def test_broken_json_is_answered_with_the_place_where_it_breaks(api: Api) -> None:
    body = b'{"name": "Mug", }'
    answer = await api.client.post("/products", content=body, headers=api.as_writer(**JSON))
    assert "Not valid JSON at character" in problem(answer, 422, "body")["detail"]


async def test_text_that_no_character_set_has_is_refused_by_field(api: Api) -> None:
    body = b'{"name": "\\ud800", "description": "d", "category": "c", "price": 1}'
    answer = await api.client.post("/products", content=body, headers=api.as_writer(**JSON))
    problem(answer, 422, "body.name")


async def test_json_under_another_name_is_answered_with_the_right_one(api: Api) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await api.client.post("/products", content=b"{}", headers=api.as_writer(**form))
    assert "Content-Type: application/json" in problem(answer, 422, "body")["detail"]


@pytest.mark.parametrize("boundary", ["", "; boundary=x"])
async def test_a_broken_form_is_refused(api: Api, boundary: str) -> None:
    headers = {"Content-Type": f"multipart/form-data{boundary}"}
    problem(await api.client.post("/token", content=b"broken", headers=headers), 400, "body")


GOOD_FORM = {"grant_type": "password", "username": "nobody@example.com", "password": "a long passphrase"}


def as_parts(form: dict[str, str]) -> dict[str, tuple[None, str]]:
    return {name: (None, value) for name, value in form.items()}


@pytest.mark.parametrize("sent_as", ["data", "files"])
@pytest.mark.parametrize(
    ("more", "status", "why"),
    [
        ({f"field{number}": "" for number in range(17)}, 401, ""),
        ({f"field{number}": "" for number in range(18)}, 400, "Maximum number of fields is 20"),
        ({"client_id": "a" * 9_000}, 400, "maximum size of 8KB"),
        ({"client_id": "a" * 7_000}, 422, ""),
    ],
    ids=["most fields", "too many fields", "a field too large", "a field too long"],
)
async def test_a_form_has_so_many_fields_of_such_a_size(
    api: Api, more: dict[str, str], status: int, why: str, sent_as: str
) -> None:
    form = GOOD_FORM | more
    content: dict[str, Any] = {sent_as: form if sent_as == "data" else as_parts(form)}
    answer = await api.client.post("/token", **content)
    place = {400: "body", 401: "body.password", 422: "body.client_id"}[status]
    assert why in problem(answer, status, place)["detail"]


async def test_a_form_has_no_files(api: Api) -> None:
    answer = await api.client.post("/token", data=GOOD_FORM, files={"password": ("a.txt", b"a")})
    assert "Too many files" in problem(answer, 400, "body")["detail"]


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


@pytest.mark.parametrize("is_declared", [True, False])
async def test_a_body_that_is_too_large_is_refused(api: Api, *, is_declared: bool) -> None:
    body = b" " * (1024 * 1024 + 1)
    content = body if is_declared else in_pieces(body)
    answer = await api.client.post("/products", content=content, headers=api.as_writer(**JSON))
    assert "1,048,576 bytes" in problem(answer, 413, "body")["detail"]


async def test_a_body_of_the_largest_size_is_read(api: Api) -> None:
    product = b'{"name": "Mug", "description": "d", "category": "c", "price": 1}'
    body = product + b" " * (1024 * 1024 - len(product))
    answer = await api.client.post("/products", content=in_pieces(body), headers=api.as_writer(**JSON))
    assert answer.status_code == 201


async def test_several_mistakes_are_all_named(api: Api) -> None:
    answer = await api.client.get("/products", params={"limit": 0, "cursor": "x", "q": "", "colour": "red"})
    document = problem(answer, 422, "query.limit", "query.cursor", "query.q", "query.colour")
    assert "query.limit: Input should be greater than or equal to 1" in document["detail"]


async def test_of_very_many_mistakes_the_first_are_named_and_all_are_counted(api: Api) -> None:
    body = {f"field{number}": 0 for number in range(1_000)}
    answer = await api.client.post("/products", json=body, headers=api.as_writer())
    missing = [f"body.{field}" for field in ("name", "description", "category", "price")]
    document = problem(answer, 422, *missing, *(f"body.field{number}" for number in range(16)))
    assert document["detail"].endswith("(the first 20 of 1,004)")


async def test_a_problem_belongs_to_the_trace_of_its_caller(api: Api) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    assert problem(await api.client.get("/nowhere", headers=headers), 404)["trace_id"] == trace_id


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[tuple[Api, str]]:
    """The service behind a real server, and where it is."""
    async with serving(settings) as api:
        config = uvicorn.Config(api.app, port=0, lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        ((_, port),) = [listener.getsockname() for listener in server.servers[0].sockets]
        try:
            yield api, f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await running


async def test_what_nobody_expected_is_a_problem_that_tells_nothing_and_is_logged_once_with_its_stack(
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    events: list[structlog.typing.EventDict],
) -> None:
    async with served(settings) as (api, url), httpx2.AsyncClient(base_url=url) as client:
        api.app.state.items = None
        answer = await client.get("/items/1")
        document = problem(answer, 500)
    assert document["detail"] == "Something went wrong on our side; it has been recorded"
    assert "NoneType" not in answer.text
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert errors[0].exc_info is not None
    assert isinstance(errors[0].exc_info[1], AttributeError)
    assert not [event for event in events if event["log_level"] in {"error", "critical"}]
