"""One run of one background task, measured: what queue workers and `BackgroundTasks` share."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from observability.metrics.background import Runner, TaskMetrics, TaskOutcome


class TaskRun:
    """A run under way; a worker that will try again says so with `will_retry`."""

    __slots__ = ("_failure", "outcome")

    def __init__(self) -> None:
        self._failure: TaskOutcome = "failed"
        self.outcome: TaskOutcome = "succeeded"

    @property
    def has_failed(self) -> bool:
        """Whether it raised."""
        return self.outcome in {"failed", "retried"}

    def will_retry(self) -> None:
        """Should this run raise, the queue tries again: that is `retried`, not `failed`."""
        self._failure = "retried"

    def outcome_of(self, error: BaseException) -> TaskOutcome:
        """How a run that raised this error ended."""
        return "cancelled" if isinstance(error, asyncio.CancelledError) else self._failure


@contextmanager
def measured_task(
    metrics: TaskMetrics,
    task: str,
    *,
    runner: Runner = "worker",
    queue_delay: float | None = None,
) -> Iterator[TaskRun]:
    """Measure the block as one run of `task`; errors pass through.

    Args:
        metrics: Where to record, `Telemetry.recorders.tasks`.
        task: Name of the task; a bounded set.
        runner: Who runs it.
        queue_delay: Seconds since it was enqueued, None when unknown.
    """
    run = TaskRun()
    metrics.task_started(task, runner, queue_delay)
    started_at = perf_counter()
    try:
        yield run
    except BaseException as error:
        run.outcome = run.outcome_of(error)
        raise
    finally:
        metrics.task_ended(task, runner, run.outcome, perf_counter() - started_at)
