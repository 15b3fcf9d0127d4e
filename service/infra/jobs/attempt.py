"""One run of one job, and what is to become of the job after it."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias

from pgqueuer.domain.models import Job as Row
from pydantic import ValidationError

from observability.background.measurement import TaskRun
from service.infra.jobs.handlers import Discard, Handlers, JobContext, Postpone
from service.infra.jobs.job import RetryPolicy


class Measure(Protocol):
    """`Telemetry.measured_task`."""

    def __call__(
        self,
        task: str,
        *,
        queue_delay: float | None = None,
        headers: Mapping[str, str] | None = None,
        job_id: str = "",
        attempt: int = 1,
    ) -> AbstractContextManager[TaskRun]: ...


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The job is done."""


@dataclass(frozen=True, slots=True)
class Dead:
    """The job is held for an operator."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Again:
    """The job goes back into the queue; whether this was one of its attempts is another question."""

    delay: timedelta
    error: Exception | None
    is_counted: bool


Outcome: TypeAlias = Succeeded | Dead | Again
RELEASED = Again(timedelta(0), None, is_counted=False)


class HandlerCancelled(Exception):
    """Something that the handler waited for was cancelled, though nobody cancelled the handler."""


async def attempt(row: Row, handlers: Handlers, measure: Measure) -> Outcome:
    """Run the job once. Only a cancellation from outside is raised."""
    kind = handlers.kind(row.entrypoint)
    context = JobContext(
        job_id=row.id,
        attempt=row.attempts + 1,
        attempts=kind.retry.attempts,
        headers={name: str(value) for name, value in (row.headers or {}).items()},
    )
    # Both moments by the clock of the database.
    queue_delay = (row.updated - row.execute_after).total_seconds()
    outcome: Outcome = Succeeded()
    try:
        with measure(
            kind.name,
            queue_delay=max(queue_delay, 0.0),
            headers=context.headers,
            job_id=str(row.id),
            attempt=context.attempt,
        ) as run:
            try:
                await _run(row, context, handlers)
            except Exception as error:
                outcome = _after(error, context, kind.retry)
                if isinstance(outcome, Again):
                    run.will_retry()
                raise
    except Exception:
        if isinstance(outcome, Succeeded):
            raise
    return outcome


async def _run(row: Row, context: JobContext, handlers: Handlers) -> None:
    try:
        job = handlers.kind(row.entrypoint).model_validate_json(row.payload or b"")
    except ValidationError as error:
        msg = f"the payload is not what this version of the service enqueues: {error}"
        raise Discard(msg) from error
    try:
        await handlers.run(job, context)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise HandlerCancelled from error


def _after(error: Exception, context: JobContext, retry: RetryPolicy) -> Outcome:
    if isinstance(error, Postpone):
        return Again(error.delay, error, is_counted=False)
    if isinstance(error, Discard) or context.is_last_attempt:
        return Dead(error)
    return Again(retry.delay_after(context.attempt), error, is_counted=True)
