"""A query that takes 20 ms, through asyncpg."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI


def application(database_url: str, pool_size: int, **options: Any) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(database_url, min_size=pool_size, max_size=pool_size) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan, **options)

    @app.get("/slow")
    async def ask_and_wait() -> bool:
        return await app.state.pool.fetchval("SELECT pg_sleep(0.02) IS NOT NULL") is True

    return app
