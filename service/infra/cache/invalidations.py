"""Invalidations that are not lost: a row in the transaction that changes the data, until Redis has heard of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Row, bindparam, delete, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from service.errors import Unavailable
from service.infra.cache.models import InvalidationRecord
from service.infra.database import UNDEFINED_TABLE, Database, sqlstate
from service.infra.tasks import Tasks

log = structlog.get_logger(__name__)

DELIVERY_SECONDS = 1.0
_BATCH = 200

_OLDEST = select(InvalidationRecord.id, InvalidationRecord.tags).order_by(InvalidationRecord.id).limit(_BATCH)
_DELETE = delete(InvalidationRecord).where(InvalidationRecord.id.in_(bindparam("ids", expanding=True)))

Deliver = Callable[[Collection[str]], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Change:
    """A transaction, and what it makes outdated."""

    session: AsyncSession
    tags: set[str] = field(default_factory=set)

    def outdates(self, *tags: str) -> None:
        """No cached answer with one of these tags is given after the commit."""
        self.tags.update(tags)


class Invalidations:
    """What the writes of all processes make outdated."""

    def __init__(self, database: Database, deliver: Deliver, tasks: Tasks) -> None:
        """`deliver` tells Redis of tags, and says whether it heard."""
        self._database = database
        self._deliver = deliver
        self._tasks = tasks

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Change]:
        """A transaction whose end is also the end of the answers that it makes outdated; raises what `Database.transaction` does."""
        row: int | None = None
        async with self._database.transaction() as session:
            change = Change(session)
            yield change
            if change.tags:
                row = await _insert(session, change.tags)
        if row is not None and await self._deliver(change.tags):
            self._tasks.start(self._try_to_forget([row]))

    async def drain(self, deliver: Deliver | None = None) -> bool:
        """Deliver what is left over, of whichever process; False when Redis did not hear all of it."""
        while rows := await self._oldest():
            tags = {tag for row in rows for tag in row.tags}
            if not await (deliver or self._deliver)(tags):
                return False
            await self._forget([row.id for row in rows])
        return True

    async def keep_draining(self) -> None:
        """Deliver what will be left over, for ever."""
        while True:
            await asyncio.sleep(DELIVERY_SECONDS)
            try:
                await self.drain()
            except (Unavailable, DBAPIError) as error:
                log.warning("invalidations_wait", reason=str(error))

    async def _oldest(self) -> Sequence[Row[Any]]:
        try:
            return await self._database.fetch_all(_OLDEST, {})
        except DBAPIError as error:
            if sqlstate(error) != UNDEFINED_TABLE:
                raise
            return ()  # The migrations are still running: nothing was written that could be outdated.

    async def _try_to_forget(self, rows: Collection[int]) -> None:
        try:
            await self._forget(rows)
        except (Unavailable, DBAPIError) as error:
            log.warning("invalidations_wait", reason=str(error))

    async def _forget(self, rows: Collection[int]) -> None:
        # A row that stays is delivered once more: that costs a few hits and does no harm.
        async with self._database.transaction() as session:
            await session.execute(_DELETE, {"ids": list(rows)})


async def _insert(session: AsyncSession, tags: Collection[str]) -> int:
    statement = insert(InvalidationRecord).values(tags=sorted(tags)).returning(InvalidationRecord.id)
    row: int = (await session.execute(statement)).scalar_one()
    return row
