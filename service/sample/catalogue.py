from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from service.sample.article import Article, invent
from service.sample.dates import END, START, between
from service.sample.dice import Dice
from service.sample.prices import price_of
from service.sample.prose import describe
from service.sample.vocabulary import CATEGORIES

_SHARES = tuple(category for category in CATEGORIES for _ in range(category.weight))
_ATTEMPTS_AT_A_NEW_NAME = 100


class Product(NamedTuple):
    """A row of `products`; the fields are its columns."""

    id: int
    name: str
    description: str
    category: str
    price: Decimal
    version: int
    created_at: datetime
    updated_at: datetime


def products(count: int) -> Iterator[Product]:
    """A smaller catalogue is the beginning of a larger one, except for its timestamps.

    Names are unique up to several hundred thousand products.
    """
    dice = Dice("products")
    taken: set[str] = set()
    for number in range(1, count + 1):
        article = _with_new_name(dice, taken)
        created_at = between(START, END, (number - 1 + dice.fraction()) / count)
        yield _product(number, article, created_at, dice)


def _with_new_name(dice: Dice, taken: set[str]) -> Article:
    category = dice.one_of(_SHARES)
    article = invent(category, dice)
    for _ in range(_ATTEMPTS_AT_A_NEW_NAME):
        if article.name not in taken:
            break
        article = invent(category, dice)
    taken.add(article.name)
    return article


def _product(number: int, article: Article, created_at: datetime, dice: Dice) -> Product:
    return Product(
        id=number,
        name=article.name,
        description=describe(article, dice),
        category=article.category.slug,
        price=price_of(article, dice),
        version=1,
        created_at=created_at,
        updated_at=created_at,
    )
