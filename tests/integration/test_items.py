import pytest

from service.infra.tokens import Scope
from tests.integration.conftest import Api
from tests.integration.problems import problem

MISSING = 2**53 - 1


async def test_a_new_item_is_where_location_says(api: Api) -> None:
    product = await api.create_product()
    item = {"product_id": product["id"], "sku": "KIT-1", "warehouse": "AMS-1"}
    answer = await api.client.post("/items", json=item, headers=api.headers(Scope.STOCK_WRITE))
    assert answer.status_code == 201
    created = answer.json()
    assert created == item | {"id": created["id"], "quantity": 0, "updated_at": created["updated_at"]}
    read = await api.client.get(answer.headers["location"])
    assert (read.status_code, read.json()) == (200, created)


async def test_stock_is_never_cached(api: Api) -> None:
    product = await api.create_product()
    item = await api.create_item(product["id"])
    one = await api.client.get(f"/items/{item['id']}")
    several = await api.client.get("/items", params={"product_id": product["id"]})
    assert [answer.headers["cache-control"] for answer in (one, several)] == ["no-store", "no-store"]


async def test_an_item_that_is_absent_is_not_found(api: Api) -> None:
    problem(await api.client.get(f"/items/{MISSING}"), 404, "path.item_id")


async def test_a_sku_exists_once(api: Api) -> None:
    product = await api.create_product()
    item = await api.create_item(product["id"])
    again = {"product_id": product["id"], "sku": item["sku"], "warehouse": "ROT-2"}
    problem(await api.client.post("/items", json=again, headers=api.as_writer()), 409, "body.sku")


async def test_an_item_of_no_product_is_refused(api: Api) -> None:
    item = {"product_id": MISSING, "sku": "X-1", "warehouse": "AMS-1"}
    problem(await api.client.post("/items", json=item, headers=api.as_writer()), 422, "body.product_id")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("product_id", 0),
        ("product_id", 2**53),
        ("product_id", "one"),
        ("sku", "lower-case"),
        ("sku", "X" * 65),
        ("sku", "X\0"),
        ("warehouse", ""),
        ("warehouse", "AMS 1"),
        ("quantity", -1),
        ("quantity", 1_000_000_001),
        ("quantity", 1.5),
        ("quantity", True),
        ("quantity", "1"),
        ("quantity", None),
        ("colour", "red"),
    ],
)
async def test_an_item_that_cannot_be_is_refused_by_field(api: Api, field: str, value: object) -> None:
    good = {"product_id": 1, "sku": "X-1", "warehouse": "AMS-1", "quantity": 1}
    answer = await api.client.post("/items", json=good | {field: value}, headers=api.as_writer())
    problem(answer, 422, f"body.{field}")


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_hold_every_item_of_the_product_once_and_in_order(api: Api, limit: int) -> None:
    product, other = await api.create_product(), await api.create_product()
    items = []
    for _ in range(4):
        items.append(await api.create_item(product["id"]))
        await api.create_item(other["id"])
    pages = [page async for page in api.pages("/items", product_id=product["id"], limit=limit)]
    assert [item for page in pages for item in page] == items
    assert all(len(page) == limit for page in pages[:-1])


async def test_a_product_without_items_has_an_empty_list(api: Api) -> None:
    answer = await api.client.get("/items", params={"product_id": MISSING})
    assert (answer.status_code, answer.json()) == (200, {"items": [], "next_cursor": None})


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({}, "product_id"),
        ({"product_id": 0}, "product_id"),
        ({"product_id": 1, "limit": 101}, "limit"),
        ({"product_id": 1, "cursor": "made-up"}, "cursor"),
        ({"product_id": 1, "warehouse": "AMS-1"}, "warehouse"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_by_parameter(
    api: Api, query: dict[str, str | int], place: str
) -> None:
    problem(await api.client.get("/items", params=query), 422, f"query.{place}")


@pytest.mark.parametrize("delta", [0, 1_000_001, -1_000_001, 2**70, 1.5, "many", "1", True, None])
async def test_a_change_that_cannot_be_is_refused(api: Api, delta: object) -> None:
    item = await api.create_item((await api.create_product())["id"])
    path = f"/items/{item['id']}/adjust"
    problem(await api.client.post(path, json={"delta": delta}, headers=api.as_writer()), 422, "body.delta")


async def test_the_stock_of_an_absent_item_is_not_found(api: Api) -> None:
    path = f"/items/{MISSING}/adjust"
    problem(await api.client.post(path, json={"delta": 1}, headers=api.as_writer()), 404, "path.item_id")


async def test_the_stock_has_an_upper_end_too(api: Api) -> None:
    item = await api.create_item((await api.create_product())["id"], quantity=1_000_000_000)
    answer = await api.client.post(f"/items/{item['id']}/adjust", json={"delta": 1}, headers=api.as_writer())
    problem(answer, 409, "body.delta")
