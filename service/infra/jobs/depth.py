"""How much waits in the queue, and for how long: read at scrape time, by one worker of all."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import structlog
from prometheus_client import Metric
from prometheus_client.registry import Collector

from observability import conventions
from service.infra.jobs.broker import FAULTS, TABLE
from service.infra.jobs.listener import Listener

log = structlog.get_logger(__name__)

READ_SECONDS = 2.0

# `due` waits for a worker, `delayed` for its time, `dead` for an operator. Each is one index-only scan; ages are since
# the job was due, was taken, died.
_READ = f"""
SELECT name.task, part.state, part.jobs, coalesce(extract(epoch FROM now() - part.since), 0)::float8 AS age
FROM unnest($1::text[]) AS name(task), LATERAL (
    SELECT 'due' AS state, count(*) AS jobs, min(execute_after) AS since FROM {TABLE}
    WHERE entrypoint = name.task AND status = 'queued' AND execute_after <= now()
    UNION ALL
    SELECT 'delayed', count(*), NULL FROM {TABLE}
    WHERE entrypoint = name.task AND status = 'queued' AND execute_after > now()
    UNION ALL
    SELECT 'running', count(*), min(updated) FROM {TABLE} WHERE entrypoint = name.task AND status = 'picked'
    UNION ALL
    SELECT 'dead', count(*), min(updated) FROM {TABLE} WHERE entrypoint = name.task AND status = 'failed'
) AS part
"""  # noqa: S608 (names of ours)


@dataclass(frozen=True, slots=True)
class Depth:
    """The jobs of one name in one state; the age of the oldest in seconds."""

    task: str
    state: str
    jobs: int
    age: float


class QueueDepth(Collector):
    """Shows the last reading, if this worker may report."""

    def __init__(self, listener: Listener, tasks: Iterable[str]) -> None:
        self._listener = listener
        self._tasks = list(tasks)
        self._reading: list[Depth] = []

    async def read(self) -> None:
        """Read the queue. When that fails, nothing is shown: old numbers would pass for new ones."""
        self._reading = []
        try:
            async with asyncio.timeout(READ_SECONDS):
                rows = await self._listener.fetch_as_reporter(_READ, self._tasks)
        except FAULTS as error:
            log.warning("queue_depth_not_read", reason=repr(error))
        else:
            self._reading = [Depth(*row) for row in rows or ()]

    def collect(self) -> Iterator[Metric]:
        reading = self._reading
        depth, age = (
            Metric(metric.name, metric.documentation, "gauge")
            for metric in (conventions.QUEUE_DEPTH, conventions.QUEUE_OLDEST_AGE)
        )
        for part in reading:
            labels = {conventions.TASK: part.task, conventions.STATE: part.state}
            depth.add_sample(depth.name, labels, part.jobs)
            age.add_sample(age.name, labels, part.age)
        if reading:
            yield from (depth, age)
