"""What a cached answer depends on, and what a write makes outdated: docs/adr/0009-a-page-is-a-stretch.md has the reasoning."""

from collections.abc import Iterator

from service.infra import cursors
from service.infra.cache.stretches import around, covering
from service.products.schemas import Product, ProductPage, ProductQuery

PAGES, PRODUCT = "products", "product"
_ANYWHERE = "*"
# Filters of a page besides its category, and the fields by which a product passes them.
_ASPECTS = {"priced": ("price",), "worded": ("name", "description")}


def tags_of_product(product_id: int) -> Iterator[str]:
    """What one product depends on."""
    yield f"{PRODUCT}:{product_id}"


def tags_of_page(query: ProductQuery, page: ProductPage) -> Iterator[str]:
    """What a page depends on: its stretch; or, if it shows few of the products there, those and who may join them."""
    after = cursors.decode(query.cursor) if query.cursor else 0
    where = query.category or _ANYWHERE
    filters = list(_filters(query))
    if not filters:
        yield from covering(_tree("in", where), after=after, last=page.behind)
        return
    yield from (_shown(product.id) for product in page.products)
    if page.behind is not None:
        yield _shown(page.behind)
    for aspect in filters:
        yield from covering(_tree(aspect, where), after=after, last=page.behind)


def tags_of_change(before: Product | None, after: Product | None) -> Iterator[str]:
    """What becomes outdated when a product changes, is created (no `before`) or is deleted (no `after`)."""
    states = [state for state in (before, after) if state is not None]
    product_id = states[0].id
    yield from tags_of_product(product_id)
    yield _shown(product_id)
    for where in {_ANYWHERE, *(state.category for state in states)}:
        yield from around(_tree("in", where), product_id)
    if after is None:
        return
    for aspect, fields in _ASPECTS.items():
        if before is None or _differ(before, after, "category", *fields):
            for where in (_ANYWHERE, after.category):
                yield from around(_tree(aspect, where), product_id)


def _filters(query: ProductQuery) -> Iterator[str]:
    if query.min_price is not None or query.max_price is not None:
        yield "priced"
    if query.q is not None:
        yield "worded"


def _differ(before: Product, after: Product, *fields: str) -> bool:
    return any(getattr(before, field) != getattr(after, field) for field in fields)


def _tree(name: str, where: str) -> str:
    return f"{PAGES}:{name}:{where}"


def _shown(product_id: int) -> str:
    return f"{PAGES}:shown:{product_id}"
