import asyncio
from datetime import datetime

import pytest
from httpx2 import Response

from service.infra.tokens import Scope
from tests.integration.conftest import Api
from tests.integration.problems import problem


async def found(api: Api, **query: str | int) -> list[str]:
    answer = await api.client.get("/products", params=query)
    assert answer.status_code == 200, answer.text
    return [product["name"] for product in answer.json()["products"]]


async def test_a_new_product_is_where_location_says(api: Api) -> None:
    product = {"name": "  Teapot ", "description": "Holds tea.", "category": "kitchen", "price": 19.9}
    answer = await api.client.post("/products", json=product, headers=api.headers(Scope.CATALOGUE_WRITE))
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    created = answer.json()
    assert created | {"name": "Teapot", "price": "19.90", "version": 1, "category": "kitchen"} == created
    read = await api.client.get(answer.headers["location"])
    assert (read.status_code, read.json(), read.headers["etag"]) == (200, created, '"1"')


async def test_location_is_below_the_root_path_of_a_proxy(api: Api) -> None:
    product = {"name": "Mug", "description": "Holds tea.", "category": "kitchen", "price": "4"}
    api.app.root_path = "/shop"
    try:
        answer = await api.client.post("/products", json=product, headers=api.as_writer())
    finally:
        api.app.root_path = ""
    assert answer.headers["location"] == f"/shop/products/{answer.json()['id']}"


async def test_the_catalogue_is_filtered_by_category_and_by_price_both_ends_included(api: Api) -> None:
    for name, category, price in [("a", "lamps", "10"), ("b", "lamps", "20"), ("c", "rugs", "20")]:
        await api.create_product(name=name, category=category, price=price)
    assert await found(api, category="lamps") == ["a", "b"]
    assert await found(api, category="lamps", min_price="10.01") == ["b"]
    assert await found(api, category="lamps", min_price="10", max_price="10.00") == ["a"]
    assert await found(api, category="rugs", min_price="20", max_price="20") == ["c"]
    assert await found(api, category="unknown") == []


async def test_words_are_found_in_name_and_description_whatever_their_form(api: Api) -> None:
    await api.create_product(name="Juniper hook", description="For one heavy coat.")
    await api.create_product(name="Coat rack", description="Seven hooks of juniper wood.")
    assert await found(api, q="juniper") == ["Juniper hook", "Coat rack"]
    assert await found(api, q="COATS juniper hooks") == ["Juniper hook", "Coat rack"]
    assert await found(api, q='"heavy coat"') == ["Juniper hook"]
    assert await found(api, q="juniper -rack") == ["Juniper hook"]
    assert await found(api, q="juniper or unheard") == ["Juniper hook", "Coat rack"]
    assert await found(api, q="unheard") == []


@pytest.mark.parametrize("zero", ["0e1000000", "0e-99999999", "-0e5"])
async def test_zero_is_zero_whatever_its_exponent(api: Api, zero: str) -> None:
    product = await api.create_product(category="gifts", price=zero)
    assert float(product["price"]) == 0
    change = {"price": zero}
    changed = await api.client.patch(f"/products/{product['id']}", json=change, headers=api.as_writer())
    assert (changed.status_code, float(changed.json()["price"])) == (200, 0)
    free = [product["name"]]
    assert await found(api, category="gifts", min_price=zero, max_price=zero) == free
    await api.client.delete(f"/products/{product['id']}", headers=api.as_writer())


@pytest.mark.parametrize("q", ["'", "a & | ! b", "(", "%", "\\", '"open', "the", "🍵"])
async def test_no_search_text_is_too_odd(api: Api, q: str) -> None:
    assert (await api.client.get("/products", params={"q": q})).status_code == 200


async def test_a_page_has_fifty_products_unless_asked_otherwise(api: Api) -> None:
    await asyncio.gather(*(api.create_product(category="many") for _ in range(51)))
    page = (await api.client.get("/products", params={"category": "many"})).json()
    assert len(page["products"]) == 50
    rest = await api.client.get("/products", params={"category": "many", "cursor": page["next_cursor"]})
    assert len(rest.json()["products"]) == 1
    assert rest.json()["next_cursor"] is None


async def test_products_that_come_and_go_meanwhile_hide_none_of_the_others(api: Api) -> None:
    staying = [await api.create_product(category="changing") for _ in range(12)]
    seen: list[int] = []
    async for page in api.pages("/products", category="changing", limit=2):
        seen += [product["id"] for product in page]
        passing = await api.create_product(category="changing")
        await api.client.delete(f"/products/{passing['id']}", headers=api.as_writer())
        await api.client.delete(f"/products/{seen[0]}", headers=api.as_writer())
        if len(seen) > 100:
            pytest.fail("the walk does not end")
    assert seen[: len(staying)] == [product["id"] for product in staying]
    assert len(seen) == len(set(seen))


async def test_a_change_touches_the_named_fields_alone_and_counts_as_a_version(api: Api) -> None:
    before = await api.create_product(name="Chair")
    answer = await api.client.patch(
        f"/products/{before['id']}", json={"price": "5"}, headers=api.headers(Scope.CATALOGUE_WRITE)
    )
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2"'
    after = answer.json()
    assert after == before | {"price": "5.00", "version": 2, "updated_at": after["updated_at"]}
    assert datetime.fromisoformat(after["updated_at"]) > datetime.fromisoformat(before["updated_at"])
    assert (await api.client.get(f"/products/{before['id']}")).json() == after


async def test_a_changed_product_is_found_by_its_new_words_and_no_more_by_its_old_ones(api: Api) -> None:
    product = await api.create_product(name="Zither")
    change = {"name": "Dulcimer"}
    await api.client.patch(f"/products/{product['id']}", json=change, headers=api.as_writer())
    assert await found(api, q="zither") == []
    assert await found(api, q="dulcimer") == ["Dulcimer"]


async def write(api: Api, method: str, product_id: int, if_match: str) -> Response:
    return await api.client.request(
        method,
        f"/products/{product_id}",
        json={"price": "1"} if method == "PATCH" else None,
        headers=api.as_writer(**{"If-Match": if_match}),
    )


@pytest.mark.parametrize("if_match", ['"1"', "*", '"7", "1"', 'W/"1", "1"', ' "1" ', '"a,b","1"'])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_write_goes_through_when_if_match_names_the_version(
    api: Api, method: str, if_match: str
) -> None:
    product = await api.create_product()
    assert (await write(api, method, product["id"], if_match)).is_success


@pytest.mark.parametrize("if_match", ['"2"', 'W/"1"', "1", '""', '"2", W/"1"', '"*"', "", '"11"'])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_write_is_refused_when_if_match_names_another_version(
    api: Api, method: str, if_match: str
) -> None:
    product = await api.create_product()
    problem(await write(api, method, product["id"], if_match), 412, "header.If-Match")
    assert (await api.client.get(f"/products/{product['id']}")).json() == product


async def test_of_two_changes_of_one_version_one_wins_and_one_is_told(api: Api) -> None:
    product = await api.create_product()
    headers = api.as_writer(**{"If-Match": '"1"'})
    answers = await asyncio.gather(
        *(
            api.client.patch(f"/products/{product['id']}", json={"name": name}, headers=headers)
            for name in "abcd"
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    (winner,) = [answer.json() for answer in answers if answer.is_success]
    assert (await api.client.get(f"/products/{product['id']}")).json() == winner


async def test_a_deleted_product_is_gone_and_its_items_with_it(api: Api) -> None:
    product = await api.create_product()
    item = await api.create_item(product["id"])
    path = f"/products/{product['id']}"
    answer = await api.client.delete(path, headers=api.headers(Scope.CATALOGUE_WRITE))
    assert (answer.status_code, answer.content, answer.headers.get("content-type")) == (204, b"", None)
    problem(await api.client.get(path), 404, "path.product_id")
    problem(await api.client.get(f"/items/{item['id']}"), 404, "path.item_id")
    problem(await api.client.delete(path, headers=api.as_writer()), 404, "path.product_id")
    problem(
        await api.client.patch(path, json={"price": "1"}, headers=api.as_writer()), 404, "path.product_id"
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", " \n "),
        ("name", "x" * 201),
        ("name", "a\0b"),
        ("name", None),
        ("name", 1),
        ("description", "x" * 5001),
        ("category", "Not A Slug"),
        ("category", "x" * 51),
        ("price", "-0.01"),
        ("price", "0.001"),
        ("price", "100000000"),
        ("price", "NaN"),
        ("price", "many"),
        ("price", True),
        ("colour", "red"),
    ],
)
async def test_a_product_that_cannot_be_is_refused_by_field(api: Api, field: str, value: object) -> None:
    good = {"name": "Teapot", "description": "Holds tea.", "category": "kitchen", "price": "1"}
    created = await api.client.post("/products", json=good | {field: value}, headers=api.as_writer())
    problem(created, 422, f"body.{field}")
    product = await api.create_product()
    changed = await api.client.patch(
        f"/products/{product['id']}", json={field: value}, headers=api.as_writer()
    )
    problem(changed, 422, f"body.{field}")


async def test_a_change_of_nothing_is_refused(api: Api) -> None:
    product = await api.create_product()
    answer = await api.client.patch(f"/products/{product['id']}", json={}, headers=api.as_writer())
    assert "at least one field" in problem(answer, 422, "body")["detail"]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "made-up"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"category": "Not A Slug"}, "category"),
        ({"min_price": "-1"}, "min_price"),
        ({"min_price": "2", "max_price": "1"}, "max_price"),
        ({"q": ""}, "q"),
        ({"q": "a\0b"}, "q"),
        ({"q": "x" * 201}, "q"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_by_parameter(
    api: Api, query: dict[str, str | int], place: str
) -> None:
    problem(await api.client.get("/products", params=query), 422, f"query.{place}")
