"""How much waits in the queue, and for how long: read at scrape time, by one worker of all."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import structlog
from prometheus_client import Metric
from prometheus_client.registry import Collector

from observability import conventions
from service.infra.jobs.broker import FAULTS, TABLE
from service.infra.jobs.listener import Listener

log = structlog.get_logger(__name__)

READ_SECONDS = 2.0

# So many jobs are counted; of a longer queue the planner knows about how long it is. With a million rows of five tasks
# this reads in 10 ms, and in 50 ms before their first vacuum; to count them all took 340 and 1,800.
COUNTED = 10_000

_PARTS = {
    # Ages are since the job was due, was taken, died; nothing is late before it is due.
    "due": ("status = 'queued' AND execute_after <= now()", "execute_after"),
    "delayed": ("status = 'queued' AND execute_after > now()", "execute_after"),
    "running": ("status = 'picked'", "updated"),
    "dead": ("status = 'failed'", "updated"),
}


def _part(state: str) -> str:
    where, since = _PARTS[state]
    jobs = f"SELECT FROM {TABLE} WHERE entrypoint = task AND {where}"
    return f"""
        SELECT '{state}', (SELECT count(*) FROM ({jobs} LIMIT {COUNTED}) AS counted),
               (SELECT min({since}) FROM {TABLE} WHERE entrypoint = task AND {where})
    """  # noqa: S608 (names of ours)


_READ = f"""
SELECT task, part.state, part.jobs, greatest(extract(epoch FROM now() - part.since), 0)::float8
FROM unnest($1::text[]) AS task, LATERAL ({" UNION ALL ".join(map(_part, _PARTS))}) AS part(state, jobs, since)
"""  # noqa: S608 (names of ours)
_ESTIMATES = {
    state: f"EXPLAIN (FORMAT JSON) SELECT FROM {TABLE} WHERE entrypoint = $1 AND {where}"
    for state, (where, _) in _PARTS.items()
}


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
                rows = await self._listener.fetch_as_reporter(_READ, self._tasks) or []
                self._reading = [await self._completed(Depth(*row)) for row in rows]
        except FAULTS as error:
            log.warning("queue_depth_not_read", reason=repr(error))

    async def _completed(self, depth: Depth) -> Depth:
        if depth.jobs < COUNTED:
            return depth
        plan = await self._listener.fetch_as_reporter(_ESTIMATES[depth.state], depth.task)
        estimate = plan[0][0][0]["Plan"]["Plan Rows"] if plan else 0
        return replace(depth, jobs=max(depth.jobs, estimate))

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
