"""A query that takes 20 ms, through a driver that blocks the event loop meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI


def application(database_url: str, **options: Any) -> FastAPI:
    import psycopg  # noqa: PLC0415 (only the environment of the rivals has it)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with psycopg.connect(database_url, autocommit=True) as connection:
            app.state.connection = connection
            yield

    app = FastAPI(lifespan=lifespan, **options)

    @app.get("/slow")
    async def ask_and_block() -> bool:
        return app.state.connection.execute("SELECT pg_sleep(0.02) IS NOT NULL").fetchone()[0] is True

    return app
