"""Enqueueing: in the transaction that makes the job necessary, so that one never exists without the other."""

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


async def enqueue_with(
    queries: Queries, job: Job, *, idempotency_key: str | None = None, delay: timedelta = _AT_ONCE
) -> None:
    """The same wherever `queries` run their statements."""
    with enqueuing(job.name) as headers:
        await queries.enqueue(
            job.name,
            job.model_dump_json().encode(),
            execute_after=delay,
            dedupe_key=idempotency_key and f"{job.name}:{idempotency_key}",
            headers=headers,
            on_conflict="skip",
        )
