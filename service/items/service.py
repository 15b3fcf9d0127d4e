from sqlalchemy.ext.asyncio import AsyncSession

from service.infra import cursors
from service.infra.database import Database
from service.items.errors import ItemNotFound, StockOutOfBounds
from service.items.idempotency import IdempotencyKey
from service.items.repository import ItemRepository
from service.items.schemas import MAX_QUANTITY, Item, ItemPage, ItemQuery, NewItem


class ItemService:
    """What can be done with the stock."""

    def __init__(self, database: Database, items: ItemRepository) -> None:
        self._database = database
        self._items = items

    async def get(self, item_id: int) -> Item:
        item = await self._items.get(item_id)
        if item is None:
            raise ItemNotFound(item_id)
        return item

    async def of_product(self, query: ItemQuery) -> ItemPage:
        found = await self._items.of_product(query)
        page, more = found[: query.limit], found[query.limit :]
        return ItemPage(items=page, next_cursor=cursors.encode(page[-1].id) if more else None)

    async def create(self, item: NewItem) -> Item:
        async with self._database.transaction() as session:
            return await self._items.add(session, item)

    async def adjust(self, item_id: int, delta: int) -> Item:
        """Change the quantity by delta, atomically and never out of bounds."""
        async with self._database.transaction() as session:
            return await self._adjust(session, item_id, delta)

    async def adjust_once(self, item_id: int, delta: int, key: IdempotencyKey) -> tuple[Item, bool]:
        """Like `adjust`, but at most once for the key; also says whether this answer is a replay."""
        async with self._database.transaction() as session:
            answer = await key.claim(session)
            if answer is not None:
                return Item.model_validate_json(answer), True
            item = await self._adjust(session, item_id, delta)
            await key.keep(session, item.model_dump_json().encode())
            return item, False

    async def _adjust(self, session: AsyncSession, item_id: int, delta: int) -> Item:
        item = await self._items.adjust(session, item_id, delta)
        if item is not None:
            return item
        quantity = await self._items.quantity(session, item_id)
        if quantity is None:
            raise ItemNotFound(item_id)
        raise StockOutOfBounds(quantity, delta, MAX_QUANTITY)
