"""Stock `BackgroundTask` and `BackgroundTasks` of Starlette and FastAPI, measured where they run.

They are reachable only through their classes, so `install` changes those, once a process. What it adds does nothing
outside a request of an instrumented application, and records into that application's registry inside one.
"""

import functools
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from time import perf_counter
from typing import Any

import fastapi.background
import starlette.background
from opentelemetry.trace import SpanKind

from observability import context, span_conventions
from observability.background.measurement import TaskRun, measured_task
from observability.context import RequestRecord
from observability.metrics.background import Runner
from observability.tracing.buffer import Facts, open_span

Call = Callable[[Any], Awaitable[None]]

_RUNNER: Runner = "in_process"
# When the request came that started a task last: one task may be there for many requests.
_STARTED = "_observability_started_for"

# The task that runs now. Others replace the same method, OpenTelemetry's instrumentation among them: around theirs, ours
# may come a second time.
_measured: ContextVar[Any] = ContextVar("measured_background_task", default=None)


def install() -> None:
    """Measure background tasks of this process from now on; again does nothing."""
    _replace(starlette.background.BackgroundTask, _measuring_one)
    _replace(starlette.background.BackgroundTasks, _measuring_all)
    _replace(fastapi.background.BackgroundTasks, _measuring_all)


def _replace(cls: Any, measuring: Callable[[Call], Call]) -> None:
    stock = cls.__dict__.get("__call__")
    if stock is not None and not hasattr(stock, "__wrapped__"):
        cls.__call__ = measuring(stock)


def _measuring_one(stock: Call) -> Call:
    @functools.wraps(stock)
    async def call(task: Any) -> None:
        record = context.current()
        if record is None or record.recorders is None or _measured.get() is task:
            return await stock(task)
        setattr(task, _STARTED, record.started_at)
        token = _measured.set(task)
        try:
            await _run(record, task, stock)
        finally:
            _measured.reset(token)
        return None

    return call


async def _run(record: RequestRecord, task: Any, stock: Call) -> None:
    name = name_of(task.func)
    with measured_task(record.recorders.tasks, name, runner=_RUNNER, queue_delay=_delay(record)) as run:
        try:
            with open_span(record, _describe, name, run):
                await stock(task)
        except Exception:
            record.keep()
            raise


def _describe(name: str, run: TaskRun) -> Facts:
    attributes = {span_conventions.TASK: name, span_conventions.TASK_OUTCOME: run.outcome}
    return Facts(f"run {name}", SpanKind.INTERNAL, attributes)


def _measuring_all(stock: Call) -> Call:
    @functools.wraps(stock)
    async def call(tasks: Any) -> None:
        record = context.current()
        try:
            await stock(tasks)
        except BaseException:
            # Starlette runs no further task after one that raised: the rest is lost, but not silently.
            if record is not None and record.recorders is not None:
                _count_skipped(tasks, record)
            raise

    return call


def _count_skipped(tasks: Any, record: RequestRecord) -> None:
    for task in _each(tasks):
        if getattr(task, _STARTED, None) != record.started_at:
            setattr(task, _STARTED, record.started_at)
            record.recorders.tasks.task_skipped(name_of(task.func), _RUNNER)


def _each(tasks: Any) -> Iterator[Any]:
    for task in tasks.tasks:
        if hasattr(task, "tasks"):
            yield from _each(task)
        else:
            yield task


def _delay(record: RequestRecord) -> float | None:
    return perf_counter() - record.ended_at if record.ended_at else None


def name_of(function: Any) -> str:
    """Module and qualified name of a function, method, partial or callable object."""
    while isinstance(function, functools.partial):
        function = function.func
    if not hasattr(function, "__qualname__"):
        function = type(function)
    return f"{function.__module__}.{function.__qualname__}"
