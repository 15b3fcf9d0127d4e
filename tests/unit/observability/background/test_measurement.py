"""What one run of a worker's job counts as."""

import asyncio

import pytest

from observability.background.measurement import measured_task
from observability.metrics.background import TaskMetrics
from observability.metrics.registry import Registry
from observability.testing import recorded, series

DURATIONS = "background_task_duration_seconds_count"
DELAYS = "background_task_queue_delay_seconds"
RUNNING = "background_tasks_in_progress"


@pytest.fixture
def metrics(registry: Registry) -> TaskMetrics:
    return TaskMetrics(registry)


def outcomes(registry: Registry) -> dict[str, float]:
    found = series(registry, DURATIONS, task="thumbnails", runner="worker")
    return {dict(labels)["outcome"]: value for labels, value in found.items()}


def test_a_run_is_in_progress_and_then_a_success(metrics: TaskMetrics, registry: Registry) -> None:
    with measured_task(metrics, "thumbnails"):
        assert recorded(registry, RUNNING, task="thumbnails", runner="worker") == 1
    assert recorded(registry, RUNNING, task="thumbnails", runner="worker") == 0
    assert outcomes(registry) == {"succeeded": 1}


def test_an_expected_task_has_its_series_before_its_first_run(
    metrics: TaskMetrics, registry: Registry
) -> None:
    metrics.expect("thumbnails", "worker")
    assert outcomes(registry) == {"succeeded": 0, "failed": 0, "retried": 0, "cancelled": 0}
    assert recorded(registry, RUNNING, task="thumbnails", runner="worker") == 0
    assert recorded(registry, f"{DELAYS}_count", task="thumbnails", runner="worker") == 0


def test_a_run_that_raises_failed(metrics: TaskMetrics, registry: Registry) -> None:
    with pytest.raises(ZeroDivisionError), measured_task(metrics, "thumbnails"):
        raise ZeroDivisionError
    assert outcomes(registry) == {"failed": 1}
    assert recorded(registry, RUNNING, task="thumbnails") == 0


def run_and_raise(metrics: TaskMetrics, error: BaseException) -> None:
    with measured_task(metrics, "thumbnails") as run:
        run.will_retry()
        raise error


def test_a_run_that_raises_and_is_tried_again_was_retried(metrics: TaskMetrics, registry: Registry) -> None:
    with pytest.raises(ZeroDivisionError):
        run_and_raise(metrics, ZeroDivisionError())
    assert outcomes(registry) == {"retried": 1}


def test_a_run_that_could_be_retried_but_succeeds_is_a_success(
    metrics: TaskMetrics, registry: Registry
) -> None:
    with measured_task(metrics, "thumbnails") as run:
        run.will_retry()
    assert outcomes(registry) == {"succeeded": 1}


def test_a_run_that_is_cancelled_is_cancelled(metrics: TaskMetrics, registry: Registry) -> None:
    with pytest.raises(asyncio.CancelledError):
        run_and_raise(metrics, asyncio.CancelledError())
    assert outcomes(registry) == {"cancelled": 1}


@pytest.mark.parametrize(("delay", "count", "seconds"), [(None, None, None), (0.0, 1, 0), (2.5, 1, 2.5)])
def test_the_queue_delay_is_recorded_where_it_is_known(
    metrics: TaskMetrics, registry: Registry, delay: float | None, count: float | None, seconds: float | None
) -> None:
    with measured_task(metrics, "thumbnails", queue_delay=delay):
        pass
    assert recorded(registry, f"{DELAYS}_count", task="thumbnails", runner="worker") == count
    assert recorded(registry, f"{DELAYS}_sum", task="thumbnails", runner="worker") == seconds
