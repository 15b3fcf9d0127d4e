"""What operators do with jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from service.infra.jobs.broker import LOG, TABLE
from service.infra.jobs.job import State

_STATE = """
CASE WHEN status = 'failed' THEN 'dead' WHEN status = 'picked' THEN 'running'
     WHEN execute_after > now() THEN 'delayed' ELSE 'due' END
"""
_SUMMARY = f"""
SELECT entrypoint, {_STATE} AS state, count(*) AS jobs,
       min(CASE WHEN status = 'queued' THEN execute_after ELSE updated END) AS since
FROM {TABLE} GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 (names of ours)
_LIST = f"""
SELECT id, entrypoint, {_STATE} AS state, attempts, updated, convert_from(payload, 'UTF8') AS payload,
       coalesce(last.reason, '') AS reason
FROM {TABLE} AS job LEFT JOIN LATERAL (
    SELECT (traceback ->> 'exception_type') || ': ' || (traceback ->> 'exception_message') AS reason
    FROM {LOG} WHERE job_id = job.id AND traceback IS NOT NULL ORDER BY created DESC LIMIT 1
) AS last ON true
WHERE {_STATE} = $1 AND ($2::text IS NULL OR entrypoint = $2) ORDER BY id LIMIT $3
"""  # noqa: S608 (names of ours)
_CHOSEN = (
    "status = 'failed' AND ($1::bigint[] IS NULL OR id = ANY($1)) AND ($2::text IS NULL OR entrypoint = $2)"
)
_RETRY = f"""
WITH chosen AS (
    SELECT id, row_number() OVER (PARTITION BY coalesce(dedupe_key, id::text) ORDER BY id) AS place, dedupe_key
    FROM {TABLE} WHERE {_CHOSEN}
), retried AS (
    UPDATE {TABLE} AS job
    SET status = 'queued', execute_after = now(), updated = now(), attempts = 0, queue_manager_id = NULL, slot = NULL
    FROM chosen
    WHERE job.id = chosen.id AND chosen.place = 1 AND NOT EXISTS (
        SELECT FROM {TABLE} AS other
        WHERE other.dedupe_key = chosen.dedupe_key AND other.status IN ('queued', 'picked')
    )
    RETURNING job.id, job.entrypoint, job.priority
)
INSERT INTO {LOG} (job_id, status, entrypoint, priority)
SELECT id, 'queued', entrypoint, priority FROM retried RETURNING job_id
"""  # noqa: S608 (names of ours)
_DISCARD = f"""
WITH discarded AS (DELETE FROM {TABLE} WHERE {_CHOSEN} RETURNING id, entrypoint, priority)
INSERT INTO {LOG} (job_id, status, entrypoint, priority)
SELECT id, 'deleted', entrypoint, priority FROM discarded RETURNING job_id
"""  # noqa: S608 (names of ours)


@dataclass(frozen=True, slots=True)
class Summary:
    """How many jobs of one name are in one state, and since when the oldest."""

    task: str
    state: State
    jobs: int
    since: datetime


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job in the queue, and why it was tried again or given up."""

    id: int
    task: str
    state: State
    attempts: int
    updated: datetime
    payload: str
    reason: str


class Operations:
    """Looks at the queue and at what is dead in it. Each raises what asyncpg raises."""

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self._connection = connection

    async def summary(self) -> list[Summary]:
        return [Summary(*row) for row in await self._connection.fetch(_SUMMARY)]

    async def list(self, state: State, *, task: str | None, limit: int) -> list[ListedJob]:
        """The oldest jobs in a state."""
        return [ListedJob(*row) for row in await self._connection.fetch(_LIST, state, task, limit)]

    async def retry(self, ids: Sequence[int] | None, *, task: str | None) -> set[int]:
        """Give these dead jobs, or all, all their attempts again; those whose idempotency key waits already stay dead."""
        return {row["job_id"] for row in await self._connection.fetch(_RETRY, ids, task)}

    async def discard(self, ids: Sequence[int] | None, *, task: str | None) -> set[int]:
        """Remove these dead jobs, or all."""
        return {row["job_id"] for row in await self._connection.fetch(_DISCARD, ids, task)}
