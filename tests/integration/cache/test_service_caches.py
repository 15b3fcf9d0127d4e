"""How the service uses its cache."""

import httpx2
import pytest

from observability.testing import recorded
from service.infra.tokens import Scope
from tests.integration.cache.conftest import x_cache
from tests.integration.conftest import Api

Apis = tuple[Api, Api]


async def test_every_result_of_every_cache_is_exposed_from_the_start(apis: Apis) -> None:
    registry = apis[0].app.state.telemetry.registry
    for cache in ("products", "product", "profile"):
        for result in ("hit", "stale", "miss", "bypass", "error"):
            assert recorded(registry, "cache_requests_total", cache=cache, result=result) == 0
        assert recorded(registry, "cache_breaker_open", cache=cache) == 0


@pytest.mark.parametrize("path", ["/products", "/products?limit=3&category=kitchen"])
async def test_the_catalogue_is_cached_for_everybody(apis: Apis, path: str) -> None:
    first, second = await apis[0].client.get(path), await apis[1].client.get(path)
    assert (x_cache(first), x_cache(second)) == ("MISS", "HIT")
    assert first.content == second.content
    control = second.headers["cache-control"]
    assert control == "public, max-age=60, stale-while-revalidate=30, stale-if-error=3600"


async def test_a_product_is_cached_under_its_version(apis: Apis) -> None:
    product = await apis[0].create_product()
    path = f"/products/{product['id']}"
    for result in ("MISS", "HIT"):
        answer = await apis[0].client.get(path)
        assert (x_cache(answer), answer.headers["etag"]) == (result, '"1"')
    known = await apis[1].client.get(path, headers={"If-None-Match": '"1"'})
    assert known.status_code == 304


async def test_a_product_that_is_not_there_is_asked_for_each_time(apis: Apis) -> None:
    answers = [await apis[0].client.get("/products/999999999") for _ in range(2)]
    assert [(answer.status_code, "x-cache" in answer.headers) for answer in answers] == [(404, False)] * 2


async def test_a_wrong_question_is_never_answered_from_the_cache(apis: Apis) -> None:
    for _ in range(2):
        assert (await apis[0].client.get("/products?limit=0")).status_code == 422
        assert (await apis[0].client.get("/products?unknown=1")).status_code == 422


async def test_editors_may_ask_for_what_is_new(apis: Apis) -> None:
    api = apis[0]
    await api.client.get("/products")

    async def ask(*scopes: str) -> httpx2.Response:
        return await api.client.get(
            "/products", headers={**api.headers(*scopes), "Cache-Control": "no-cache"}
        )

    assert x_cache(await ask(Scope.STOCK_WRITE)) == "HIT"
    assert x_cache(await ask(Scope.CATALOGUE_WRITE)) == "BYPASS"
    forged = {"Authorization": "Bearer forged", "Cache-Control": "no-cache"}
    assert x_cache(await api.client.get("/products", headers=forged)) == "HIT"
    assert x_cache(await api.client.get("/products", headers={"Cache-Control": "no-cache"})) == "HIT"


async def test_a_hit_asks_the_database_nothing_and_says_what_it_cost(apis: Apis) -> None:
    await apis[0].client.get("/products")
    timing = (await apis[0].client.get("/products")).headers["server-timing"]
    durations = dict(part.split(";dur=") for part in timing.split(", "))
    assert float(durations["db"]) == 0
    assert float(durations["cache"]) > 0


async def test_what_the_page_depends_on_is_not_shown(apis: Apis) -> None:
    for _ in range(2):
        await apis[0].create_product()
    page = (await apis[0].client.get("/products?limit=1")).json()
    assert set(page) == {"products", "next_cursor"}
    schema = apis[0].app.openapi()["components"]["schemas"]["ProductPage"]
    assert set(schema["properties"]) == {"products", "next_cursor"}
