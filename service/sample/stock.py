from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from service.sample.catalogue import Product
from service.sample.dates import END, between
from service.sample.dice import Dice

WAREHOUSES = ("AMS-1", "BER-1", "CPH-1", "LIS-1", "LYS-1", "MIL-1", "PRG-1", "WAW-1")
_VARIANTS = "ABCDEF"
# Dealt out in a shuffled order again and again: the average is exactly three items a product.
_ITEMS_PER_PRODUCT = (1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6)
_SOLD_OUT_SHARE = 0.06
_MOST_IN_STOCK = 500


class Item(NamedTuple):
    """A row of `items`; the fields are its columns."""

    id: int
    product_id: int
    sku: str
    warehouse: str
    quantity: int
    updated_at: datetime


def items(catalogue: Iterable[Product]) -> Iterator[Item]:
    dice = Dice("items")
    number = 0
    for product, count in zip(catalogue, _counts(), strict=False):
        warehouses = dice.some_of(WAREHOUSES, count)
        for variant, warehouse in zip(_VARIANTS, warehouses, strict=False):
            number += 1
            yield _item(number, product, variant, warehouse, dice)


def item_count(products: int) -> int:
    return sum(islice(_counts(), products))


def _counts() -> Iterator[int]:
    dice = Dice("items per product")
    while True:
        yield from dice.some_of(_ITEMS_PER_PRODUCT, len(_ITEMS_PER_PRODUCT))


def _item(number: int, product: Product, variant: str, warehouse: str, dice: Dice) -> Item:
    return Item(
        id=number,
        product_id=product.id,
        sku=f"{product.category[:3].upper()}-{product.id:06d}-{variant}",
        warehouse=warehouse,
        quantity=_quantity(dice),
        updated_at=between(product.created_at, END, dice.fraction()),
    )


def _quantity(dice: Dice) -> int:
    """Many small piles and a few large ones."""
    if dice.fraction() < _SOLD_OUT_SHARE:
        return 0
    size = dice.fraction()
    return 1 + int(size * size * size * _MOST_IN_STOCK)
