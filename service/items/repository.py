from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.infra import cursors
from service.infra.database import Database, violated_constraint
from service.items.errors import SkuTaken, UnknownProduct
from service.items.models import ItemRecord
from service.items.schemas import MAX_QUANTITY, Item, ItemQuery, NewItem

_COLUMNS = (
    ItemRecord.id,
    ItemRecord.product_id,
    ItemRecord.sku,
    ItemRecord.warehouse,
    ItemRecord.quantity,
    ItemRecord.updated_at,
)
_BY_ID = select(*_COLUMNS).where(ItemRecord.id == bindparam("item_id"))
_OF_PRODUCT = (
    select(*_COLUMNS)
    .where(ItemRecord.product_id == bindparam("product_id"), ItemRecord.id > bindparam("after"))
    .order_by(ItemRecord.id)
    .limit(bindparam("limit"))
)
_ADJUSTED = ItemRecord.quantity + bindparam("delta")
_ADJUST = (
    update(ItemRecord)
    .where(ItemRecord.id == bindparam("item_id"), _ADJUSTED.between(0, MAX_QUANTITY))
    .values(quantity=_ADJUSTED, updated_at=func.now())
    .returning(*_COLUMNS)
    .execution_options(synchronize_session=False)
)


class ItemRepository:
    """Stock items in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, item_id: int) -> Item | None:
        row = await self._database.fetch_one(_BY_ID, {"item_id": item_id})
        return Item.model_validate(row) if row else None

    async def of_product(self, query: ItemQuery) -> list[Item]:
        """The items after the cursor, and one more than the limit when there are more."""
        after = cursors.decode(query.cursor) if query.cursor else 0
        parameters = {"product_id": query.product_id, "after": after, "limit": query.limit + 1}
        return [Item.model_validate(row) for row in await self._database.fetch_all(_OF_PRODUCT, parameters)]

    async def add(self, session: AsyncSession, item: NewItem) -> Item:
        """Raises SkuTaken or UnknownProduct when the item cannot be."""
        try:
            rows = await session.execute(insert(ItemRecord).values(**item.model_dump()).returning(*_COLUMNS))
        except IntegrityError as error:
            if violated_constraint(error) == "uq_items_sku":
                raise SkuTaken(item.sku) from error
            raise UnknownProduct(item.product_id) from error
        return Item.model_validate(rows.one())

    async def adjust(self, session: AsyncSession, item_id: int, delta: int) -> Item | None:
        """The item after the change, or None when there is none or its stock does not allow it."""
        row = (await session.execute(_ADJUST, {"item_id": item_id, "delta": delta})).one_or_none()
        return Item.model_validate(row) if row else None

    async def quantity(self, session: AsyncSession, item_id: int) -> int | None:
        found: int | None = await session.scalar(select(ItemRecord.quantity).where(ItemRecord.id == item_id))
        return found
