"""What PgQueuer notes of every job, kept as long as somebody may ask."""

from typing import ClassVar

from sqlalchemy import text

from service.infra.database import Database
from service.infra.jobs.broker import LOG
from service.infra.jobs.handlers import JobContext
from service.infra.jobs.job import Job

BATCH = 10_000

# Of jobs that still exist everything is kept: why they failed, and how often they were taken.
_FORGET = text(f"""
DELETE FROM {LOG} WHERE id IN (
    SELECT id FROM {LOG} AS entry
    WHERE created < now() - interval '7 days' AND NOT EXISTS (SELECT FROM pgqueuer WHERE id = entry.job_id)
    ORDER BY created LIMIT {BATCH}
)
""")  # noqa: S608 (names of ours)


class ForgetHistory(Job):
    name: ClassVar[str] = "forget_job_history"


class History:
    """The log of the queue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget(self, _job: ForgetHistory, _context: JobContext) -> None:
        """Delete what is too old, some at a time."""
        while await self._forget_some() == BATCH:
            pass

    async def _forget_some(self) -> int:
        async with self._database.transaction() as session:
            return int((await session.execute(_FORGET)).rowcount)  # type: ignore[attr-defined]
