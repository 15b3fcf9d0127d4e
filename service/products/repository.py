from collections.abc import Mapping
from typing import Any

from sqlalchemy import Executable, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.infra import cursors
from service.infra.database import Database
from service.products.models import ProductRecord
from service.products.schemas import NewProduct, Product, ProductQuery

_COLUMNS = (
    ProductRecord.id,
    ProductRecord.name,
    ProductRecord.description,
    ProductRecord.category,
    ProductRecord.price,
    ProductRecord.version,
    ProductRecord.created_at,
    ProductRecord.updated_at,
)
_BY_ID = select(*_COLUMNS).where(ProductRecord.id == bindparam("product_id"))
_BY_ID_LOCKED = _BY_ID.with_for_update()
_PAGE = select(*_COLUMNS).order_by(ProductRecord.id).limit(bindparam("limit"))
_SEARCH_QUERY = func.websearch_to_tsquery("english", bindparam("q"))
_FILTERS = {
    "after": ProductRecord.id > bindparam("after"),
    "category": ProductRecord.category == bindparam("category"),
    "min_price": ProductRecord.price >= bindparam("min_price"),
    "max_price": ProductRecord.price <= bindparam("max_price"),
    "q": ProductRecord.search.bool_op("@@")(_SEARCH_QUERY),
}


class ProductRepository:
    """Products in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, product_id: int) -> Product | None:
        row = await self._database.fetch_one(_BY_ID, {"product_id": product_id})
        return Product.model_validate(row) if row else None

    async def page(self, query: ProductQuery) -> list[Product]:
        """The products after the cursor, and one more than the limit when there are more."""
        parameters = _parameters(query)
        rows = await self._database.fetch_all(_statement(parameters), parameters)
        return [Product.model_validate(row) for row in rows]

    async def lock(self, session: AsyncSession, product_id: int) -> Product | None:
        """The product as it is now; it stays so until the transaction ends."""
        row = (await session.execute(_BY_ID_LOCKED, {"product_id": product_id})).one_or_none()
        return Product.model_validate(row) if row else None

    async def add(self, session: AsyncSession, product: NewProduct) -> Product:
        row = await session.execute(insert(ProductRecord).values(**product.model_dump()).returning(*_COLUMNS))
        return Product.model_validate(row.one())

    async def change(self, session: AsyncSession, product_id: int, values: Mapping[str, Any]) -> Product:
        changed = {**values, "version": ProductRecord.version + 1, "updated_at": func.now()}
        statement = update(ProductRecord).where(ProductRecord.id == product_id).values(changed)
        row = await session.execute(statement.returning(*_COLUMNS))
        return Product.model_validate(row.one())

    async def delete(self, session: AsyncSession, product_id: int) -> None:
        await session.execute(delete(ProductRecord).where(ProductRecord.id == product_id))


def _parameters(query: ProductQuery) -> dict[str, Any]:
    parameters = query.model_dump(exclude={"cursor"}, exclude_none=True)
    parameters["limit"] = query.limit + 1
    if query.cursor is not None:
        parameters["after"] = cursors.decode(query.cursor)
    return parameters


def _statement(parameters: Mapping[str, Any]) -> Executable:
    return _PAGE.where(*(condition for name, condition in _FILTERS.items() if name in parameters))
