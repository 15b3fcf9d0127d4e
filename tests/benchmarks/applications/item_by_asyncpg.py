"""`GET /items/{item_id}` by hand on a pool of asyncpg: no ORM, no SQLAlchemy, no telemetry."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI, HTTPException

from service.items.schemas import Item

_BY_ID = "SELECT id, product_id, sku, warehouse, quantity, updated_at FROM items WHERE id = $1"


def make(database_url: str, pool_size: int) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(database_url, min_size=pool_size, max_size=pool_size) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/items/{item_id}")
    async def read_item(item_id: int) -> Item:
        row = await app.state.pool.fetchrow(_BY_ID, item_id)
        if row is None:
            raise HTTPException(404, "Item not found")
        return Item(**row)

    return app
