import json
from collections.abc import Iterator

import pytest
import structlog

from service.infra import logs


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_an_event_is_a_line_of_json_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger().warning("redis_gone", attempts=3)
    line = json.loads(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "redis_gone", "attempts": 3, "level": "warning"}


def test_an_exception_keeps_its_stack(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        structlog.get_logger().exception("sum_failed")
    assert "ZeroDivisionError: division by zero" in json.loads(capsys.readouterr().err)["exception"]


def test_an_event_is_readable_in_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    logs.configure()
    structlog.get_logger().warning("redis_gone", attempts=3)
    said = capsys.readouterr().err
    assert "redis_gone" in said
    assert not said.startswith("{")


def test_what_is_only_informative_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger().info("telemetry_source", source="observability")
    assert capsys.readouterr() == ("", "")
