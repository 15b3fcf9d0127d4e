from sqlalchemy.ext.asyncio import AsyncSession

from service.infra import cursors, etags
from service.infra.cache.invalidations import Invalidations
from service.infra.events import Event, Events, EventType
from service.products.caching import tags_of_change
from service.products.errors import ProductChanged, ProductNotFound
from service.products.repository import ProductRepository
from service.products.schemas import NewProduct, Product, ProductChange, ProductPage, ProductQuery


class ProductService:
    """What can be done with the catalogue."""

    def __init__(self, products: ProductRepository, invalidations: Invalidations, events: Events) -> None:
        self._products = products
        self._invalidations = invalidations
        self._events = events

    async def get(self, product_id: int) -> Product:
        product = await self._products.get(product_id)
        if product is None:
            raise ProductNotFound(product_id)
        return product

    async def page(self, query: ProductQuery) -> ProductPage:
        found = await self._products.page(query)
        page, more = found[: query.limit], found[query.limit :]
        if not more:
            return ProductPage(products=page, next_cursor=None)
        return ProductPage(products=page, next_cursor=cursors.encode(page[-1].id), behind=more[0].id)

    async def create(self, product: NewProduct) -> Product:
        async with self._invalidations.transaction() as change:
            created = await self._products.add(change.session, product)
            await self._events.publish(change.session, Event(EventType.PRODUCT_CREATED, created))
            change.outdates(*tags_of_change(None, created))
        return created

    async def change(self, product_id: int, change: ProductChange, *, if_match: str | None) -> Product:
        async with self._invalidations.transaction() as transaction:
            current = await self._current(transaction.session, product_id, if_match)
            values = change.model_dump(exclude_unset=True)
            changed = await self._products.change(transaction.session, product_id, values)
            await self._events.publish(transaction.session, Event(EventType.PRODUCT_UPDATED, changed))
            transaction.outdates(*tags_of_change(current, changed))
        return changed

    async def delete(self, product_id: int, *, if_match: str | None) -> None:
        async with self._invalidations.transaction() as change:
            current = await self._current(change.session, product_id, if_match)
            await self._products.delete(change.session, product_id)
            await self._events.publish(change.session, Event(EventType.PRODUCT_DELETED, current))
            change.outdates(*tags_of_change(current, None))

    async def _current(self, session: AsyncSession, product_id: int, if_match: str | None) -> Product:
        """The product that is to be changed, locked."""
        current = await self._products.lock(session, product_id)
        if current is None:
            raise ProductNotFound(product_id)
        if if_match is not None and not etags.matches(if_match, current.version):
            raise ProductChanged(product_id)
        return current
