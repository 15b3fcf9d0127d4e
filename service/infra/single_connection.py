"""A connection for work beside the requests: migrations, loading."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

CONNECT_SECONDS = 5.0


@asynccontextmanager
async def single_connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction that is committed at the end of the block."""
    engine = create_async_engine(database_url, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()
