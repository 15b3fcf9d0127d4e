"""What is recorded of background tasks, in the process that answered or in a worker."""

from typing import Literal, get_args

from observability import conventions
from observability.metrics.children import Children
from observability.metrics.instruments import Gauge, GaugeChild, Histogram, HistogramChild
from observability.metrics.registry import Registry

Runner = Literal["in_process", "worker"]
TaskOutcome = Literal["succeeded", "failed", "retried", "cancelled"]


class TaskMetrics:
    """The families of background work."""

    def __init__(self, registry: Registry) -> None:
        """Register the families."""
        durations = Histogram(conventions.TASK_DURATION, registry)
        in_progress = Gauge(conventions.TASKS_IN_PROGRESS, registry)
        delays = Histogram(conventions.TASK_QUEUE_DELAY, registry)
        self._durations: Children[tuple[str, str, str], HistogramChild] = Children(
            lambda key: durations.labels(*key)
        )
        self._in_progress: Children[tuple[str, str], GaugeChild] = Children(
            lambda key: in_progress.labels(*key)
        )
        self._delays: Children[tuple[str, str], HistogramChild] = Children(lambda key: delays.labels(*key))

    def expect(self, task: str, runner: Runner) -> None:
        """Let the series of a task exist before its first run: `rate` cannot see a first failure otherwise."""
        for outcome in get_args(TaskOutcome):
            _ = self._durations[task, runner, outcome]
        _ = self._in_progress[task, runner], self._delays[task, runner]

    def task_started(self, task: str, runner: Runner, queue_delay: float | None) -> None:
        """A task began, so many seconds after it was enqueued (None when nobody knows)."""
        self._in_progress[task, runner].inc()
        if queue_delay is not None:
            self._delays[task, runner].observe(queue_delay)

    def task_ended(self, task: str, runner: Runner, outcome: TaskOutcome, seconds: float) -> None:
        """A started task is over."""
        self._in_progress[task, runner].dec()
        self._durations[task, runner, outcome].observe(seconds)

    def task_skipped(self, task: str, runner: Runner) -> None:
        """A task will never start."""
        self._durations[task, runner, "cancelled"].observe(0.0)
