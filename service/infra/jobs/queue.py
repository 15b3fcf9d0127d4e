"""Enqueueing: in the transaction that makes the job necessary, so that one never exists without the other."""

from collections.abc import Sequence
from datetime import timedelta

from pgqueuer.adapters.persistence.queries import Queries
from sqlalchemy.ext.asyncio import AsyncSession

from observability.background.enqueuing import enqueuing
from service.infra.jobs.broker import queries_in
from service.infra.jobs.job import Job

_AT_ONCE = timedelta(0)


async def enqueue(
    session: AsyncSession, job: Job, *, idempotency_key: str | None = None, delay: timedelta = _AT_ONCE
) -> None:
    """Enqueue a job that exists when, and only when, the transaction of `session` commits.

    Args:
        session: The caller's transaction.
        job: What to run.
        idempotency_key: Does nothing while a job of this name and key waits or runs. One that has ended is forgotten.
        delay: How long after the commit it runs at the earliest.
    """
    await enqueue_with(queries_in(session), job, idempotency_key=idempotency_key, delay=delay)


async def enqueue_all(
    session: AsyncSession, jobs: Sequence[Job], *, idempotency_keys: Sequence[str] | None = None
) -> None:
    """Enqueue jobs of one kind, however many, with one statement; each has its idempotency key, or none has."""
    await _enqueue(queries_in(session), jobs, idempotency_keys or [None] * len(jobs), _AT_ONCE)


async def enqueue_with(
    queries: Queries, job: Job, *, idempotency_key: str | None = None, delay: timedelta = _AT_ONCE
) -> None:
    """The same wherever `queries` run their statements."""
    await _enqueue(queries, [job], [idempotency_key], delay)


async def _enqueue(
    queries: Queries, jobs: Sequence[Job], keys: Sequence[str | None], delay: timedelta
) -> None:
    if not jobs:
        return
    name = jobs[0].name
    with enqueuing(name) as headers:
        await queries.enqueue(
            [name] * len(jobs),
            [job.model_dump_json().encode() for job in jobs],
            [0] * len(jobs),
            execute_after=[delay] * len(jobs),
            dedupe_key=[key and f"{name}:{key}" for key in keys],
            headers=[headers] * len(jobs),
            on_conflict="skip",
        )
