"""`GET /items/{item_id}` as the article has it: a session dependency, an ORM entity, the timing middleware."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from service.items.models import ItemRecord
from service.items.schemas import Item
from tests.benchmarks.contenders import article_timer


def make(database_url: str, pool_size: int) -> FastAPI:
    return article_timer.create(lambda **options: _application(database_url, pool_size, **options))


def _application(database_url: str, pool_size: int, **options: Any) -> FastAPI:
    url = database_url.replace("postgresql://", "postgresql+asyncpg://")
    sessions = async_sessionmaker(
        create_async_engine(url, pool_size=pool_size, max_overflow=0), expire_on_commit=False
    )
    app = FastAPI(**options)

    async def get_session() -> AsyncIterator[AsyncSession]:
        async with sessions() as session:
            yield session

    @app.get("/items/{item_id}")
    async def read_item(item_id: int, session: Annotated[AsyncSession, Depends(get_session)]) -> Item:
        found = await session.execute(select(ItemRecord).where(ItemRecord.id == item_id))
        item = found.scalar_one_or_none()
        if item is None:
            raise HTTPException(404, "Item not found")
        return item  # type: ignore[return-value] # FastAPI makes the model of it

    return app
