"""Takes jobs off the queue and runs several at once, until it is told to stop.

PgQueuer gives and takes the jobs in the database. What drives it is ours, because its `QueueManager` (1.6) removes a job
whose task is cancelled, so that nothing could be put back at the end; runs no fewer than two at once; and takes nothing
new after a lost connection before its last running job has ended.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from uuid import uuid4

import structlog
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.models import Job as Row
from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId
from pgqueuer.ports.repository import EntrypointExecutionParameter

from service.infra.database import is_passing
from service.infra.jobs.attempt import RELEASED, Dead, Measure, Outcome, attempt
from service.infra.jobs.broker import FAULTS
from service.infra.jobs.handlers import Handlers
from service.infra.jobs.outcomes import times_taken, write
from service.infra.jobs.ownership import HeldJob, Ownership

log = structlog.get_logger(__name__)

# How late a job may be noticed of which no notification comes: a delayed one, or that of a worker that has died.
POLL_SECONDS = 1.0
AGAIN_SECONDS = 0.5
# What may still be written down after the limit of the drain.
RELEASE_SECONDS = 5.0
# As many workers may a job take with it.
DEATHS = 5


class WorkersDied(Exception):
    """The job was running when its worker died, again and again."""


class Worker:
    """A number of seats in which jobs run."""

    def __init__(
        self,
        queries: Queries,
        handlers: Handlers,
        measure: Measure,
        *,
        concurrency: int,
        lease: float,
        drain: float,
    ) -> None:
        """`lease` is how many seconds a silent worker keeps its jobs, `drain` how many they have to end after `stop`."""
        self._queries = queries
        self._handlers = handlers
        self._measure = measure
        self._concurrency = concurrency
        self._lease = timedelta(seconds=lease)
        self._drain_seconds = drain
        self._id = QueueManagerId(uuid4())
        self._jobs = Ownership(queries, lease=lease)
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def stop(self) -> None:
        """Take no more jobs, and end when those that run have ended; a second time, put them back at once."""
        if self._stopping.is_set():
            self._hurrying.set()
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop`."""
        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(self._jobs.keep())
            while not self._stopping.is_set():
                self._wake.clear()
                await self._take()
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()
            await self._drain()
            renewing.cancel()

    async def _take(self) -> None:
        free = self._concurrency - len(self._jobs)
        if not free:
            return
        since = monotonic()
        try:
            rows = await self._queries.dequeue(
                batch_size=free,
                entrypoints={
                    QueueEntrypoint(name): EntrypointExecutionParameter(concurrency_limit=0)
                    for name in self._handlers.names
                },
                queue_manager_id=self._id,
                global_concurrency_limit=None,
                heartbeat_timeout=self._lease,
            )
        except FAULTS as error:
            log.warning("queue_unavailable", reason=repr(error))
            return
        for row in rows:
            held = self._jobs.take(row, since=since)
            if held is not None:
                if self._stopping.is_set():
                    # The question was on its way when the end came: it goes back before it runs.
                    held.release()
                held.task = asyncio.create_task(self._work(held), name=f"{row.entrypoint} {row.id}")

    async def _work(self, held: HeldJob) -> None:
        try:
            outcome = await self._outcome(held)
            if outcome is not None:
                await self._write(held, outcome)
        except Exception:
            log.exception("job_left_alone", job=held.row.entrypoint, job_id=held.row.id)
        finally:
            self._jobs.forget(held)
            self._wake.set()

    async def _outcome(self, held: HeldJob) -> Outcome | None:
        """How the job ended, None when it is not ours any more."""
        if await self._has_killed_enough(held.row):
            msg = f"{DEATHS} workers have died while they ran it"
            return Dead(WorkersDied(msg))
        if held.has_to_end:
            return RELEASED
        held.is_running = True
        try:
            return await attempt(held.row, self._handlers, self._measure)
        except asyncio.CancelledError:
            if held.is_lost:
                return None
            if held.is_released and held.task is not None:
                held.task.uncancel()
                return RELEASED
            raise
        finally:
            held.is_running = False

    async def _has_killed_enough(self, row: Row) -> bool:
        if row.updated - row.execute_after < self._lease:
            return False
        try:
            return await times_taken(self._queries, row) > DEATHS
        except FAULTS:
            return False

    async def _write(self, held: HeldJob, outcome: Outcome) -> None:
        while not held.is_lost:
            try:
                return await write(self._queries, held.row, outcome)
            except FAULTS as error:
                if not is_passing(error):
                    raise
                log.warning("outcome_not_written", job_id=held.row.id, reason=repr(error))
                await asyncio.sleep(AGAIN_SECONDS)
        return None

    async def _drain(self) -> None:
        waits = [asyncio.create_task(self._all_ended()), asyncio.create_task(self._hurrying.wait())]
        await asyncio.wait(waits, timeout=self._drain_seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        for held in self._jobs:
            held.release()
        with suppress(TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._all_ended()

    async def _all_ended(self) -> None:
        while tasks := [held.task for held in self._jobs if held.task is not None]:
            await asyncio.wait(tasks)
