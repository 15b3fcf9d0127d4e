import json
import logging
from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest
import structlog
import uvicorn
from fastapi import FastAPI

from observability.context import RequestRecord
from observability.logs.configuration import configure
from observability.logs.processors import SECONDS
from observability.setup import instrument
from tests.unit.observability.server import request, start

LOGGERS = ["", "uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"]


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(each.handlers[:], each.level, each.propagate) for each in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_a_line_of_json_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.get_logger().warning("redis_gone", attempts=3)
    line = json.loads(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "redis_gone", "attempts": 3, "level": "warning"}


def test_an_exception_keeps_its_stack(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        structlog.get_logger().exception("sum_failed")
    assert "ZeroDivisionError: division by zero" in json.loads(capsys.readouterr().err)["exception"]


def test_an_event_is_readable_in_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    configure()
    structlog.get_logger().warning("redis_gone", attempts=3)
    said = capsys.readouterr().err
    assert "redis_gone" in said
    assert not said.startswith("{")


def test_what_is_only_informative_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.get_logger().info("telemetry_source", source="observability")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["uvicorn.error", "sqlalchemy.pool"])
def test_what_libraries_log_looks_the_same(
    name: str, capsys: pytest.CaptureFixture[str], record: RequestRecord
) -> None:
    configure()
    structlog.get_logger().warning("ours")
    logging.getLogger(name).warning("theirs %d", 7)
    ours, theirs = lines(capsys)
    assert theirs.pop("logger") == name
    assert ours.keys() == theirs.keys()
    assert theirs["event"] == "theirs 7"
    assert {(line["trace_id"], line["span_id"]) for line in (ours, theirs)} == {
        (record.trace_id, record.span_id)
    }


def test_a_server_started_with_a_level_of_its_own_says_what_others_say(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    configure()
    logging.getLogger("uvicorn.error").warning("heard")
    logging.getLogger("uvicorn.access").info("not heard")
    assert [line["event"] for line in lines(capsys)] == ["heard"]


def test_outside_of_requests_there_are_no_ids(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.get_logger().warning("start")
    assert "trace_id" not in lines(capsys)[0]


def test_secrets_are_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.get_logger().warning(
        "connected to redis://:hunter2@cache:6379/0",
        password="hunter2",
        headers={"Authorization": "Bearer hunter2", "Set-Cookie": ["hunter2"], "accept": "json"},
        deep=[{"api_key": "hunter2"}, ("Bearer hunter2",)],
        tokens=3,
    )
    logging.getLogger("theirs").error("https://ada:hunter2@shop/ says no")
    said = capsys.readouterr().err
    assert "hunter2" not in said
    first = json.loads(said.splitlines()[0])
    assert (first["tokens"], first["headers"]["accept"]) == (3, "json")
    assert first["event"] == "connected to redis://[redacted]@cache:6379/0"


@pytest.mark.parametrize("is_terminal", [False, True])
def test_an_exception_with_a_secret_in_it_is_said_without(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal)
    configure()

    def connect(password: str) -> None:
        msg = f"cannot reach postgresql://shop:{password}@db/shop"
        raise OSError(msg)

    password = token_hex()
    try:
        connect(password)
    except OSError:
        structlog.get_logger().exception("gone")
        logging.getLogger("theirs").exception("gone, too")
    said = capsys.readouterr().err
    assert said.count("Traceback") == 2
    assert said.count("OSError: cannot reach postgresql://[redacted]@db/shop") == 2
    assert password not in said


def test_an_error_that_repeats_is_said_ten_times(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    for _ in range(50):
        structlog.get_logger().error("gone", attempt=1)
        structlog.get_logger().warning("slow")
        logging.getLogger("theirs").error("no way\nbecause")
    said = [line["event"].partition("\n")[0] for line in lines(capsys)]
    assert {event: said.count(event) for event in said} == {"gone": 10, "slow": 50, "no way": 10}


def test_libraries_say_how_often_they_were_not_heard(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("observability.logs.processors.monotonic", lambda: now)
    configure()
    for _ in range(50):
        logging.getLogger("theirs").error("gone")
    now = SECONDS
    logging.getLogger("theirs").error("gone")
    assert [line.get("suppressed") for line in lines(capsys)] == [None] * 10 + [40]


def test_a_library_that_formats_wrongly_does_not_break_the_application(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure()
    logging.getLogger("theirs").error("count %d", "three")
    assert "Message: 'count %d'" in capsys.readouterr().err


async def test_an_error_that_ended_a_request_names_it_when_that_is_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = FastAPI()
    instrument(app, service_name="shop")

    @app.get("/")
    async def fail() -> None:
        raise KeyError

    configure()
    reply = await request(app, "/")
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=reply.error)
    (line,) = lines(capsys)
    assert line["trace_id"] == reply.header("x-trace-id")
    assert len(line["span_id"]) == 16


async def test_a_server_that_is_configured_later_says_the_same_from_the_start_of_the_application(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = FastAPI()
    instrument(app, service_name="shop")
    configure()
    uvicorn.Config(app)
    await start(app)
    logging.getLogger("uvicorn.error").error("heard")
    assert [line["event"] for line in lines(capsys)] == ["heard"]


async def test_a_server_of_a_process_that_configures_its_logs_itself_is_left_alone() -> None:
    app = FastAPI()
    instrument(app, service_name="shop")
    uvicorn.Config(app)
    handlers = logging.getLogger("uvicorn").handlers[:]
    await start(app)
    assert logging.getLogger("uvicorn").handlers == handlers != []
