"""Runs of jobs of a durable queue, measured and traced: what enqueued them and what runs them are one trace."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from opentelemetry.trace import SpanKind

from observability import context, span_conventions
from observability.background.measurement import TaskRun, measured_task
from observability.context import RequestRecord
from observability.metrics.recorders import Recorders
from observability.tracing.buffer import Facts, inside_of
from observability.tracing.propagation import received_baggage
from observability.tracing.tracing import Tracing


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of one job.

    Attributes:
        task: Name of the job; a bounded set.
        queue_delay: Seconds since it was enqueued or due, None when unknown.
        headers: What `enqueuing.enqueuing` gave to whoever enqueued it.
        job_id: What it is called in the queue, or empty.
        attempt: Which run this is, from 1.
    """

    task: str
    queue_delay: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    job_id: str = ""
    attempt: int = 1


@contextmanager
def measured_job(tracing: Tracing, recorders: Recorders, job: JobRun) -> Iterator[TaskRun]:
    """Measure and trace the block as one run of a job; errors pass through."""
    record = _start(tracing, job)
    record.recorders = recorders
    outside = context.current()
    context.enter(record)
    run, error = TaskRun(), None
    try:
        with (
            received_baggage(job.headers),
            inside_of(record),
            measured_task(recorders.tasks, job.task, queue_delay=job.queue_delay) as run,
        ):
            yield run
    except BaseException as raised:
        error = raised
        context.mark_error(raised, record)
        raise
    finally:
        record.ended_at = perf_counter()
        record.is_kept = tracing.keeps(record, job.task, 0, 0.0) or (record.is_traced and run.has_failed)
        if record.is_kept:
            tracing.keep_own(record, _consumer(job, run), error)
        record.is_traced = False
        error = None
        # As a span, a job may end in another context than it began in.
        if context.current() is record:
            context.enter(outside)


def _start(tracing: Tracing, job: JobRun) -> RequestRecord:
    headers = [
        (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in job.headers.items()
    ]
    scope = {"headers": headers, "path": job.task}
    trace_number, parent_id, is_sampled = tracing.sampler.decide(scope)
    if job.job_id and not parent_id:
        # So that all attempts are in one trace, chosen or not.
        trace_number = _number(f"{job.task}:{job.job_id}", 16)
        is_sampled = tracing.sampler.chooses(trace_number, scope)
    record = RequestRecord(trace_number, parent_id, is_sampled=is_sampled)
    record.scope, record.route, record.is_traced = scope, job.task, tracing.is_on
    record.started_at = perf_counter()
    if job.job_id:
        # So that the next attempt knows the id of this one.
        record.adopt(trace_number, _attempt_number(job.job_id, job.attempt), is_sampled=is_sampled)
    return record


def _attempt_number(job_id: str, attempt: int) -> int:
    return _number(f"{job_id}:{attempt}", 8)


def _number(name: str, size: int) -> int:
    """Of so many bytes, the same for the same name."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=size).digest(), "big") or 1


def _consumer(job: JobRun, run: TaskRun) -> Facts:
    attributes: dict[str, str | float] = {
        span_conventions.MESSAGING_OPERATION: "process",
        span_conventions.MESSAGING_DESTINATION: job.task,
        span_conventions.TASK_OUTCOME: run.outcome,
        span_conventions.TASK_ATTEMPT: job.attempt,
    }
    if job.job_id:
        attributes[span_conventions.MESSAGE] = job.job_id
    if job.queue_delay is not None:
        attributes[span_conventions.TASK_QUEUE_DELAY] = job.queue_delay
    return Facts(f"process {job.task}", SpanKind.CONSUMER, attributes, previous=_previous(job))


def _previous(job: JobRun) -> int:
    """The id of the span of the attempt before this one, which failed and so was kept; 0 without one."""
    return _attempt_number(job.job_id, job.attempt - 1) if job.job_id and job.attempt > 1 else 0
