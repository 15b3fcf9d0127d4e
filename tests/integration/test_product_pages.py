"""Walking the catalogue page by page, whatever the filters and the size of the pages."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.conftest import Api

Product = dict[str, Any]

WORDS = ("amber", "cedar", "copper", "linen", "slate")
CATEGORIES = ("baths", "desks", "lamps")
PRICES = ("0.00", "4.99", "5.00", "5.01", "99999999.99")

FILTERS: dict[str, Callable[[Product, Any], bool]] = {
    "category": lambda product, category: product["category"] == category,
    "min_price": lambda product, price: Decimal(product["price"]) >= Decimal(price),
    "max_price": lambda product, price: Decimal(product["price"]) <= Decimal(price),
    "q": lambda product, q: (
        (q.removeprefix("-") in f"{product['name']} {product['description']}".split())
        is not q.startswith("-")
    ),
}


@pytest.fixture(scope="module")
async def catalogue(api: Api) -> list[Product]:
    """Products with gaps between their ids."""
    dice = Random(7)
    products = [
        await api.create_product(
            name=" ".join(dice.sample(WORDS, k=2)),
            description=" ".join(dice.sample(WORDS, k=2)),
            category=dice.choice(CATEGORIES),
            price=dice.choice(PRICES),
        )
        for _ in range(45)
    ]
    for product in products[::7]:
        await api.client.delete(f"/products/{product['id']}", headers=api.as_writer())
    return [product for index, product in enumerate(products) if index % 7]


@given(
    filters=st.fixed_dictionaries(
        {},
        optional={
            "category": st.sampled_from(CATEGORIES),
            "min_price": st.sampled_from(PRICES[:3]),
            "max_price": st.sampled_from(PRICES[2:]),
            "q": st.sampled_from([*WORDS, *(f"-{word}" for word in WORDS)]),
        },
    ),
    limit=st.integers(1, 7) | st.integers(8, 100),
)
@settings(max_examples=60)
async def test_pages_of_any_size_hold_every_match_once_and_in_order(
    api: Api, catalogue: list[Product], filters: dict[str, str], limit: int
) -> None:
    pages = [page async for page in api.pages("/products", limit=limit, **filters)]
    matching = [
        product
        for product in catalogue
        if all(FILTERS[name](product, value) for name, value in filters.items())
    ]
    assert [product for page in pages for product in page] == matching
    assert all(len(page) == limit for page in pages[:-1])
    assert pages == [[]] or pages[-1]
