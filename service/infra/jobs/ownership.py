"""Which jobs are this worker's: each is for as long as the database hears of it, and no longer.

A job whose worker was silent for the lease is anybody's. So the worker gives up what it could not renew in time, before
somebody else may take it: no job runs twice at once, whoever is slow, frozen or cut off.
"""

import asyncio
from collections.abc import Iterator
from time import monotonic

import structlog
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.models import Job as Row
from pgqueuer.domain.types import JobId

from service.infra.jobs.broker import FAULTS

log = structlog.get_logger(__name__)

# Of the lease: how often it is renewed, and after how much of it without success the job is given up. What is left is
# the time that a handler has to end.
RENEW_AFTER = 0.2
GIVE_UP_AFTER = 0.8


class HeldJob:
    """A job that this worker has taken."""

    def __init__(self, row: Row, until: float) -> None:
        self.row = row
        self.until = until
        self.task: asyncio.Task[None] | None = None
        self.is_running = False
        self.is_lost = False
        self.is_released = False

    @property
    def has_to_end(self) -> bool:
        return self.is_lost or self.is_released

    def lose(self) -> None:
        """End the handler, and write nothing down: the job is not ours any more."""
        self.is_lost = True
        self._cancel()

    def release(self) -> None:
        """End the handler, and put the job back."""
        self.is_released = True
        self._cancel()

    def _cancel(self) -> None:
        # What is being written down already needs no end.
        if self.is_running and self.task is not None:
            self.task.cancel()


class Ownership:
    """The jobs that this worker has taken."""

    def __init__(self, queries: Queries, *, lease: float) -> None:
        """`lease` is in seconds."""
        self._queries = queries
        self._lease = lease
        self._held: dict[JobId, HeldJob] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[HeldJob]:
        return iter(list(self._held.values()))

    def take(self, row: Row, *, since: float) -> HeldJob | None:
        """The job that the database gave us, at `since` by the monotonic clock or later; None when we have it already."""
        until = since + self._lease * GIVE_UP_AFTER
        if row.id in self._held:
            self._held[row.id].until = until
            return None
        held = self._held[row.id] = HeldJob(row, until)
        return held

    def forget(self, held: HeldJob) -> None:
        del self._held[held.row.id]

    async def keep(self) -> None:
        """Renew the leases, for ever."""
        while True:
            await asyncio.sleep(self._lease * RENEW_AFTER)
            await self._renew()

    async def _renew(self) -> None:
        self._give_up()
        ours = [held for held in self if not held.is_lost]
        if not ours:
            return
        since = monotonic()
        try:
            async with asyncio.timeout(self._lease * RENEW_AFTER):
                await self._queries.update_heartbeat([held.row.id for held in ours])
        except FAULTS as error:
            log.warning("leases_not_renewed", jobs=len(ours), reason=repr(error))
            self._give_up()
            return
        for held in ours:
            held.until = since + self._lease * GIVE_UP_AFTER

    def _give_up(self) -> None:
        for held in self:
            if monotonic() >= held.until and not held.is_lost:
                log.warning("job_given_up", job=held.row.entrypoint, job_id=held.row.id)
                held.lose()
