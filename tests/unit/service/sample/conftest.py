from collections.abc import Sequence

import pytest

from service.sample.catalogue import Product, products
from service.sample.stock import Item, items


@pytest.fixture(scope="session")
def catalogue() -> Sequence[Product]:
    return tuple(products(10_000))


@pytest.fixture(scope="session")
def stock(catalogue: Sequence[Product]) -> Sequence[Item]:
    return tuple(items(catalogue))
