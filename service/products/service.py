from service.infra import cursors, etags
from service.infra.database import Database
from service.products.errors import ProductChanged, ProductNotFound
from service.products.repository import ProductRepository
from service.products.schemas import NewProduct, Product, ProductChange, ProductPage, ProductQuery


class ProductService:
    """What can be done with the catalogue."""

    def __init__(self, database: Database, products: ProductRepository) -> None:
        self._database = database
        self._products = products

    async def get(self, product_id: int) -> Product:
        product = await self._products.get(product_id)
        if product is None:
            raise ProductNotFound(product_id)
        return product

    async def page(self, query: ProductQuery) -> ProductPage:
        found = await self._products.page(query)
        page, more = found[: query.limit], found[query.limit :]
        return ProductPage(products=page, next_cursor=cursors.encode(page[-1].id) if more else None)

    async def create(self, product: NewProduct) -> Product:
        async with self._database.transaction() as session:
            return await self._products.add(session, product)

    async def change(self, product_id: int, change: ProductChange, *, if_match: str | None) -> Product:
        async with self._database.transaction() as session:
            current = await self._products.lock(session, product_id)
            _check(current, product_id, if_match)
            return await self._products.change(session, product_id, change.model_dump(exclude_unset=True))

    async def delete(self, product_id: int, *, if_match: str | None) -> None:
        async with self._database.transaction() as session:
            current = await self._products.lock(session, product_id)
            _check(current, product_id, if_match)
            await self._products.delete(session, product_id)


def _check(current: Product | None, product_id: int, if_match: str | None) -> None:
    if current is None:
        raise ProductNotFound(product_id)
    if if_match is not None and not etags.matches(if_match, current.version):
        raise ProductChanged(product_id)
