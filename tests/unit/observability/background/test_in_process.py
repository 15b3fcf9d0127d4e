"""What stock background tasks count as."""

import asyncio
import functools
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI
from starlette.background import BackgroundTask
from starlette.background import BackgroundTasks as StarletteBackgroundTasks
from starlette.responses import PlainTextResponse, Response

from observability import context
from observability.background import in_process
from observability.background.in_process import name_of
from observability.context import RequestRecord
from observability.metrics.registry import Registry
from observability.setup import Telemetry, instrument
from observability.testing import recorded, series
from tests.unit.observability.server import Cycle, http_scope, request, serve

DURATIONS = "background_task_duration_seconds_count"
DELAYS = "background_task_queue_delay_seconds"
RUNNING = "background_tasks_in_progress"
HERE = __name__


async def send_mail(*_arguments: Any) -> None:
    pass


def resize() -> None:
    pass


async def fail() -> None:
    raise ZeroDivisionError


class Mailer:
    def send(self) -> None:
        pass

    async def __call__(self) -> None:
        pass


def running(*functions: Any) -> tuple[FastAPI, Telemetry]:
    """An application that runs these in the background, and its telemetry."""
    app = FastAPI()

    @app.post("/register")
    async def register(tasks: BackgroundTasks) -> None:
        for function in functions:
            tasks.add_task(function)

    return app, instrument(app, service_name="shop")


def outcomes(registry: Registry) -> dict[tuple[str, str], float]:
    """Runs by the function's own name and outcome."""
    found = series(registry, DURATIONS, runner="in_process")
    return {
        (dict(labels)["task"].rpartition(".")[2], dict(labels)["outcome"]): value
        for labels, value in found.items()
    }


async def test_async_and_sync_tasks_are_measured_by_function_name() -> None:
    app, telemetry = running(send_mail, resize)
    assert (await request(app, "/register", "POST")).status == 200
    labels = {"runner": "in_process", "outcome": "succeeded"}
    assert recorded(telemetry.registry, DURATIONS, task=f"{HERE}.send_mail", **labels) == 1
    assert recorded(telemetry.registry, DURATIONS, task=f"{HERE}.resize", **labels) == 1


async def test_a_failing_task_is_counted_and_those_it_keeps_from_running_too() -> None:
    app, telemetry = running(send_mail, fail, resize, resize)
    reply = await request(app, "/register", "POST")
    assert isinstance(reply.error, ZeroDivisionError)
    assert outcomes(telemetry.registry) == {
        ("send_mail", "succeeded"): 1,
        ("fail", "failed"): 1,
        ("resize", "cancelled"): 2,
    }


async def test_a_failing_task_is_no_failed_request() -> None:
    app, telemetry = running(fail)
    reply = await request(app, "/register", "POST")
    assert reply.status == 200
    durations = "http_server_request_duration_seconds_count"
    assert (
        recorded(telemetry.registry, durations, http_route="/register", http_response_status_code="200") == 1
    )
    assert (
        recorded(telemetry.registry, durations, http_route="/register", http_response_status_code="500") == 0
    )


async def test_a_cancelled_task_is_cancelled() -> None:
    started = asyncio.Event()

    async def hang() -> None:
        started.set()
        await asyncio.Event().wait()

    app, telemetry = running(hang)
    serving = asyncio.create_task(serve(app, http_scope("/register", "POST"), Cycle()))
    await started.wait()
    assert sum(series(telemetry.registry, RUNNING).values()) == 1
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert outcomes(telemetry.registry) == {("hang", "cancelled"): 1}
    assert sum(series(telemetry.registry, RUNNING).values()) == 0


async def test_the_delay_counts_from_the_end_of_the_response() -> None:
    app, telemetry = running(send_mail)
    await request(app, "/register", "POST")
    assert recorded(telemetry.registry, f"{DELAYS}_count", runner="in_process") == 1
    delay = recorded(telemetry.registry, f"{DELAYS}_sum", runner="in_process")
    assert delay is not None
    assert 0 <= delay < 10


async def test_a_task_that_runs_before_the_response_has_no_delay() -> None:
    app = FastAPI()

    @app.get("/")
    async def read() -> None:
        await BackgroundTask(send_mail)()

    telemetry = instrument(app, service_name="shop")
    await request(app, "/")
    assert outcomes(telemetry.registry) == {("send_mail", "succeeded"): 1}
    assert recorded(telemetry.registry, f"{DELAYS}_count") is None


async def test_the_one_task_of_a_starlette_response_is_measured() -> None:
    app = FastAPI()

    @app.get("/")
    async def read() -> Response:
        return PlainTextResponse("ok", background=BackgroundTask(send_mail, "to", "you"))

    telemetry = instrument(app, service_name="shop")
    await request(app, "/")
    assert outcomes(telemetry.registry) == {("send_mail", "succeeded"): 1}


async def test_tasks_within_tasks_are_counted_once_each() -> None:
    app = FastAPI()

    @app.get("/")
    async def read() -> Response:
        inner = StarletteBackgroundTasks([BackgroundTask(fail), BackgroundTask(resize)])
        outer = StarletteBackgroundTasks([BackgroundTask(send_mail), inner, BackgroundTask(send_mail)])
        return PlainTextResponse("ok", background=outer)

    telemetry = instrument(app, service_name="shop")
    await request(app, "/")
    assert outcomes(telemetry.registry) == {
        ("send_mail", "succeeded"): 1,
        ("fail", "failed"): 1,
        ("resize", "cancelled"): 1,
        ("send_mail", "cancelled"): 1,
    }


async def test_a_task_that_many_requests_share_is_counted_in_each() -> None:
    app, shared = FastAPI(), BackgroundTask(resize)

    @app.get("/")
    async def read(is_broken: bool = False) -> Response:  # noqa: FBT001, FBT002  a parameter of the query
        tasks = [BackgroundTask(fail), shared] if is_broken else [shared]
        return PlainTextResponse("ok", background=StarletteBackgroundTasks(tasks))

    telemetry = instrument(app, service_name="shop")
    await request(app, "/")
    for _ in range(2):
        await request(app, "/?is_broken=true")
    assert outcomes(telemetry.registry) == {
        ("resize", "succeeded"): 1,
        ("fail", "failed"): 2,
        ("resize", "cancelled"): 2,
    }


async def test_each_application_counts_its_own_tasks() -> None:
    app, telemetry = running(send_mail)
    other, other_telemetry = running(resize)
    await request(app, "/register", "POST")
    await request(other, "/register", "POST")
    assert outcomes(telemetry.registry) == {("send_mail", "succeeded"): 1}
    assert outcomes(other_telemetry.registry) == {("resize", "succeeded"): 1}


async def test_a_task_counts_once_though_others_replace_the_same_method(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app, telemetry = running(send_mail)
    measured = BackgroundTask.__call__

    async def traced(task: BackgroundTask) -> None:
        await measured(task)

    monkeypatch.setattr(BackgroundTask, "__call__", traced)
    in_process.install()
    await request(app, "/register", "POST")
    assert outcomes(telemetry.registry) == {("send_mail", "succeeded"): 1}


async def test_outside_an_instrumented_application_tasks_are_as_ever() -> None:
    in_process.install()
    seen: list[str] = []
    tasks = StarletteBackgroundTasks([BackgroundTask(seen.append, "ran"), BackgroundTask(fail)])
    with pytest.raises(ZeroDivisionError):
        await tasks()
    assert seen == ["ran"]


async def test_a_record_without_recorders_leaves_tasks_as_ever() -> None:
    in_process.install()
    token = context.enter(RequestRecord(7, "", is_sampled=False))
    with pytest.raises(ZeroDivisionError):
        await StarletteBackgroundTasks([BackgroundTask(fail), BackgroundTask(resize)])()
    context.leave(token)


def test_installing_twice_changes_nothing() -> None:
    in_process.install()
    once = BackgroundTask.__call__, StarletteBackgroundTasks.__call__, BackgroundTasks.__call__
    in_process.install()
    assert (BackgroundTask.__call__, StarletteBackgroundTasks.__call__, BackgroundTasks.__call__) == once


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (send_mail, f"{HERE}.send_mail"),
        (functools.partial(functools.partial(send_mail, "to"), "you"), f"{HERE}.send_mail"),
        (Mailer().send, f"{HERE}.Mailer.send"),
        (Mailer(), f"{HERE}.Mailer"),
        (Mailer, f"{HERE}.Mailer"),
        (print, "builtins.print"),
    ],
)
def test_tasks_are_named_by_module_and_qualified_name(function: Any, name: str) -> None:
    assert name_of(function) == name
