"""Enqueues what is to run by the clock: PgQueuer's table of schedules lets one worker of all do it."""

import asyncio

import structlog
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.sm import SchedulerManager
from pgqueuer.domain.models import Schedule as Due

from service.infra.jobs.broker import FAULTS
from service.infra.jobs.handlers import Schedule
from service.infra.jobs.queue import enqueue_with

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 5.0


async def keep_scheduling(queries: Queries, schedules: list[Schedule]) -> None:
    """Enqueue the jobs at their times, for ever."""
    while schedules:
        manager = SchedulerManager(queries)
        for schedule in schedules:
            _register(manager, queries, schedule)
        try:
            await manager.run()
        except FAULTS as error:
            log.warning("schedules_wait", reason=repr(error))
        await asyncio.sleep(AGAIN_SECONDS)


def _register(manager: SchedulerManager, queries: Queries, schedule: Schedule) -> None:
    async def enqueue(_due: Due) -> None:
        # The last one may still wait: one is enough.
        await enqueue_with(queries, schedule.job, idempotency_key="scheduled")

    manager.schedule(schedule.job.name, schedule.cron)(enqueue)
