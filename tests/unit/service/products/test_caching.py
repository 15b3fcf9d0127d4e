"""What a write makes outdated, compared with the pages of a model before and after it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.infra import cursors
from service.products.caching import tags_of_change, tags_of_page
from service.products.schemas import Product, ProductPage, ProductQuery

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = ["oak", "pine", "steel"]
CATEGORIES = ["kitchen", "garden"]

ids = st.integers(1, 40)
fields = st.fixed_dictionaries(
    {
        "name": st.sampled_from(WORDS),
        "description": st.sampled_from(WORDS),
        "category": st.sampled_from(CATEGORIES),
        "price": st.integers(0, 5).map(Decimal),
    }
)
catalogues = st.dictionaries(ids, fields, max_size=15)
queries = st.builds(
    ProductQuery,
    limit=st.integers(1, 5),
    cursor=st.none() | st.integers(0, 45).map(cursors.encode),
    category=st.none() | st.sampled_from(CATEGORIES),
    min_price=st.none() | st.integers(0, 2).map(Decimal),
    max_price=st.none() | st.integers(3, 5).map(Decimal),
    q=st.none() | st.sampled_from(WORDS),
)


def product(product_id: int, values: dict[str, Any]) -> Product:
    return Product(id=product_id, version=1, created_at=MOMENT, updated_at=MOMENT, **values)


def page_of(catalogue: dict[int, dict[str, Any]], query: ProductQuery) -> ProductPage:
    after = cursors.decode(query.cursor) if query.cursor else 0
    found = [
        product(product_id, values)
        for product_id, values in sorted(catalogue.items())
        if product_id > after and matches(query, values)
    ]
    shown, more = found[: query.limit], found[query.limit :]
    return ProductPage(
        products=shown,
        next_cursor=cursors.encode(shown[-1].id) if more else None,
        behind=more[0].id if more else None,
    )


def matches(query: ProductQuery, values: dict[str, Any]) -> bool:
    return (
        query.category in {None, values["category"]}
        and (query.min_price is None or values["price"] >= query.min_price)
        and (query.max_price is None or values["price"] <= query.max_price)
        and (query.q is None or query.q in (values["name"], values["description"]))
    )


def outdated(query: ProductQuery, page: ProductPage, before: Product | None, after: Product | None) -> bool:
    return not set(tags_of_page(query, page)).isdisjoint(tags_of_change(before, after))


def write(
    catalogue: dict[int, dict[str, Any]], product_id: int, values: dict[str, Any] | None
) -> tuple[dict[int, dict[str, Any]], Product | None, Product | None]:
    """The catalogue after a creation, change or deletion, and the product before and after."""
    others = {other: kept for other, kept in catalogue.items() if other != product_id}
    new = others if values is None else {**others, product_id: values}
    before = product(product_id, catalogue[product_id]) if product_id in catalogue else None
    return new, before, product(product_id, values) if values is not None else None


@given(catalogues, queries, ids, st.none() | fields)
def test_no_page_that_a_write_changes_is_forgotten(
    catalogue: dict[int, dict[str, Any]],
    query: ProductQuery,
    product_id: int,
    values: dict[str, Any] | None,
) -> None:
    changed, before, after = write(catalogue, product_id, values)
    if before is None and after is None:
        return
    page = page_of(catalogue, query)
    if page != page_of(changed, query):
        assert outdated(query, page, before, after)


@given(catalogues, queries, ids, fields)
def test_a_product_that_a_page_shows_outdates_it(
    catalogue: dict[int, dict[str, Any]], query: ProductQuery, product_id: int, values: dict[str, Any]
) -> None:
    page = page_of(catalogue, query)
    if any(shown.id == product_id for shown in page.products):
        assert outdated(query, page, product(product_id, catalogue[product_id]), product(product_id, values))


@given(catalogues, queries, ids, fields)
def test_a_write_outside_the_stretch_or_the_category_of_a_page_leaves_it_alone(
    catalogue: dict[int, dict[str, Any]], query: ProductQuery, product_id: int, values: dict[str, Any]
) -> None:
    page = page_of(catalogue, query)
    _, before, after = write(catalogue, product_id, values)
    first = (cursors.decode(query.cursor) if query.cursor else 0) + 1
    is_inside = first <= product_id and (page.behind is None or product_id <= page.behind)
    states = [state for state in (before, after) if state]
    is_of_category = query.category is None or query.category in {state.category for state in states}
    if not (is_inside and is_of_category):
        assert not outdated(query, page, before, after)


def test_a_page_of_words_outlives_a_change_of_price_elsewhere() -> None:
    values = {"name": "pine", "description": "pine", "category": "kitchen", "price": Decimal(1)}
    catalogue = {1: {**values, "name": "oak"}, 2: values}
    query = ProductQuery(q="oak")
    page = page_of(catalogue, query)
    before, dearer = product(2, values), product(2, {**values, "price": Decimal(2)})
    assert not outdated(query, page, before, dearer)
    assert outdated(query, page, before, product(2, {**values, "name": "oak"}))


def test_a_page_has_few_tags_however_far_into_the_catalogue_it_lies() -> None:
    for after in (0, 1_000, 123_456_789, 4_000_000_000, 2**52):
        query = ProductQuery(cursor=cursors.encode(after))
        page = ProductPage(products=[], next_cursor=None, behind=after + 51)
        assert 1 <= len(set(tags_of_page(query, page))) <= 24
        open_end = ProductPage(products=[], next_cursor=None)
        assert 1 <= len(set(tags_of_page(query, open_end))) <= 50
