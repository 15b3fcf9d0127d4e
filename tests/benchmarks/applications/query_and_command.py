"""A route that asks PostgreSQL and Redis for something, once each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

PATH = "/things/17"
_THING = text("SELECT 'Oak board' AS name, 24.9::float8 AS price")


class Thing(BaseModel):
    id: int
    name: str
    price: float
    is_new: bool


def application(database_url: str, redis_url: str, **options: Any) -> FastAPI:
    url = database_url.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    redis = Redis.from_url(redis_url)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()
        await redis.aclose()

    app = FastAPI(lifespan=lifespan, **options)
    app.state.engine, app.state.redis = engine, redis

    @app.get("/things/{thing_id}")
    async def get_thing(thing_id: int) -> Thing:
        async with engine.connect() as connection:
            name, price = (await connection.execute(_THING)).one()
        return Thing(id=thing_id, name=name, price=price, is_new=await redis.get("old") is None)

    return app
