from typing import ClassVar

from sqlalchemy import bindparam, delete, func, select, text, tuple_

from service.infra.database import Database
from service.infra.jobs.handlers import JobContext
from service.infra.jobs.job import Job
from service.items.models import IdempotencyRecord

# As long as a client may come back with a key.
KEPT = text("interval '24 hours'")
BATCH = 5_000

_KEY = (IdempotencyRecord.user_id, IdempotencyRecord.key)
_OLD = select(*_KEY).where(IdempotencyRecord.created_at < func.now() - KEPT).limit(bindparam("batch"))
_FORGET = (
    delete(IdempotencyRecord).where(tuple_(*_KEY).in_(_OLD)).execution_options(synchronize_session=False)
)


class ForgetIdempotencyKeys(Job):
    name: ClassVar[str] = "forget_idempotency_keys"


class IdempotencyKeys:
    """What is kept for clients that ask again, and not for ever."""

    def __init__(self, database: Database, *, batch: int = BATCH) -> None:
        self._database = database
        self._batch = batch

    async def forget(self, _job: ForgetIdempotencyKeys, _context: JobContext) -> None:
        """Delete what is too old, some at a time: nobody waits long for a lock."""
        while await self._forget_some() == self._batch:
            pass

    async def _forget_some(self) -> int:
        async with self._database.transaction() as session:
            return int((await session.execute(_FORGET, {"batch": self._batch})).rowcount)  # type: ignore[attr-defined]
