"""PgQueuer on the connections of SQLAlchemy: one pool, one transaction, one place where statements are measured."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import Any, Protocol, Self, cast

import asyncpg
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel
from pgqueuer.ports.driver import Driver
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

TABLE = "pgqueuer"
LOG = "pgqueuer_log"
STATISTICS = "pgqueuer_statistics"
CHANNEL = "ch_pgqueuer"

# What a statement raises while PostgreSQL is away, or has said goodbye on a connection that has not ended yet.
FAULTS = (
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)


@cache
def names() -> DBSettings:
    """The names that the migration gave; PgQueuer would look for others in variables as common as `CHANNEL`."""
    return DBSettings(
        prefix="",
        db_schema=None,
        channel=Channel(CHANNEL),
        function="fn_pgqueuer_changed",
        statistics_table=STATISTICS,
        queue_status_type="pgqueuer_status",
        queue_table=TABLE,
        queue_table_log=LOG,
        trigger="tg_pgqueuer_changed",
        schedules_table="pgqueuer_schedules",
        durability=Durability.durable,
    )


class _Connections(Protocol):
    def __call__(self) -> AbstractAsyncContextManager[AsyncConnection]: ...


class _SqlAlchemyDriver:
    """The part of PgQueuer's `Driver` that its `Queries` use; listening is `listener.py`."""

    def __init__(self, connections: _Connections) -> None:
        self._connections = connections

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        async with self._connections() as connection:
            result = await connection.exec_driver_sql(query, cast("Any", args))
            return [dict(row) for row in result.mappings()]

    async def execute(self, query: str, *args: object) -> str:
        async with self._connections() as connection:
            await connection.exec_driver_sql(query, cast("Any", args))
        return ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def queries_in(session: AsyncSession) -> Queries:
    """PgQueuer's statements in the transaction of a session."""

    @asynccontextmanager
    async def connection() -> AsyncIterator[AsyncConnection]:
        yield await session.connection()

    return _queries(connection)


def queries_on(engine: AsyncEngine) -> Queries:
    """PgQueuer's statements, each on a connection of an engine in AUTOCOMMIT."""
    return _queries(engine.connect)


def _queries(connections: _Connections) -> Queries:
    return Queries(
        cast("Driver", _SqlAlchemyDriver(connections)),
        qbe=QueryBuilderEnvironment(names()),
        qbq=QueryQueueBuilder(names()),
        qbs=QuerySchedulerBuilder(names()),
    )
