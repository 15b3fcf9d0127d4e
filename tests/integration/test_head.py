"""HEAD: what GET would answer, without the body."""

import httpx2
import pytest

from service.settings import Settings
from tests.integration.conftest import Api
from tests.integration.problems import problem
from tests.integration.test_problems import served

VARYING = {"age", "server-timing", "x-cache", "x-process-time", "x-trace-id"}


def lasting(headers: httpx2.Headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in VARYING}


@pytest.mark.parametrize(
    "path",
    ["/products/1", "/products?limit=1", "/items/1", "/items?product_id=1", "/docs", "/nowhere", "/items/0"],
)
async def test_head_is_answered_as_get_is_without_the_body(api: Api, path: str) -> None:
    await api.create_item((await api.create_product())["id"])
    get, head = await api.client.get(path), await api.client.head(path)
    assert head.status_code == get.status_code
    assert head.content == b""
    assert lasting(head.headers) == lasting(get.headers)
    assert int(head.headers["content-length"]) == len(get.content) > 0


async def test_head_of_what_the_client_knows_is_not_modified(api: Api) -> None:
    product_id = (await api.create_product())["id"]
    etag = (await api.client.head(f"/products/{product_id}")).headers["etag"]
    again = await api.client.head(f"/products/{product_id}", headers={"If-None-Match": etag})
    assert (again.status_code, again.headers["etag"]) == (304, etag)


async def test_head_needs_the_token_that_get_needs(api: Api) -> None:
    answer = await api.client.head("/me")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_path_without_get_has_no_head(api: Api) -> None:
    answer = await api.client.head("/token")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "POST", b"")


async def test_a_path_with_get_allows_head(api: Api) -> None:
    answer = await api.client.put("/products")
    problem(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD, POST"


async def test_head_is_counted_as_what_it_is(api: Api) -> None:
    await api.client.head("/healthz")
    exposition = (await api.client.get("/metrics")).text
    counted = 'duration_seconds_count{http_request_method="HEAD",http_route="/healthz",http_response_status_code="200"} 1'
    assert counted in exposition


async def test_a_connection_goes_on_after_a_head(settings: Settings) -> None:
    async with served(settings) as (api, url), httpx2.AsyncClient(base_url=url) as client:
        await api.create_product()
        for _ in range(3):
            head = await client.head("/products")
            get = await client.get("/products")
            assert (head.status_code, head.content) == (200, b"")
            assert int(head.headers["content-length"]) == len(get.content)
        api.app.state.items = None
        assert (await client.head("/items/1")).status_code == 500
        assert (await client.get("/healthz")).status_code == 200
