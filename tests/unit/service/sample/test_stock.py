import re
from collections import Counter
from collections.abc import Sequence
from statistics import median

from service.sample.catalogue import Product
from service.sample.dates import END
from service.sample.stock import WAREHOUSES, Item, item_count


def test_ten_thousand_products_have_thirty_thousand_items(stock: Sequence[Item]) -> None:
    assert len(stock) == 30_000
    assert [item.id for item in stock] == list(range(1, 30_001))


def test_the_number_of_items_is_known_beforehand(stock: Sequence[Item]) -> None:
    for products in (0, 1, 7, 20, 333, 10_000):
        assert item_count(products) == sum(item.product_id <= products for item in stock)


def test_each_product_has_one_to_six_items(catalogue: Sequence[Product], stock: Sequence[Item]) -> None:
    counts = Counter(item.product_id for item in stock)
    assert set(counts) == {product.id for product in catalogue}
    assert set(counts.values()) == {1, 2, 3, 4, 5, 6}


def test_skus_are_unique_and_name_category_and_product(
    catalogue: Sequence[Product], stock: Sequence[Item]
) -> None:
    assert len({item.sku for item in stock}) == len(stock)
    for item in stock:
        product = catalogue[item.product_id - 1]
        assert re.fullmatch(f"{product.category[:3].upper()}-{product.id:06d}-[A-F]", item.sku)


def test_categories_can_be_told_apart_by_sku(catalogue: Sequence[Product]) -> None:
    categories = {product.category for product in catalogue}
    assert len({category[:3] for category in categories}) == len(categories)


def test_a_product_lies_in_a_warehouse_once(stock: Sequence[Item]) -> None:
    places = Counter((item.product_id, item.warehouse) for item in stock)
    assert max(places.values()) == 1
    assert {item.warehouse for item in stock} == set(WAREHOUSES)


def test_quantities_are_mostly_small_and_sometimes_zero(stock: Sequence[Item]) -> None:
    quantities = [item.quantity for item in stock]
    assert (min(quantities), max(quantities)) == (0, 500)
    assert 1_000 < quantities.count(0) < 3_000
    assert median(quantities) < 100


def test_stock_is_counted_after_the_product_appeared(
    catalogue: Sequence[Product], stock: Sequence[Item]
) -> None:
    assert all(catalogue[item.product_id - 1].created_at <= item.updated_at <= END for item in stock)
