"""How often the same error is said."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from observability.logs.processors import RepeatLimit

GONE = {"event": "gone", "level": "error"}


def said(limit: RepeatLimit, **event: Any) -> bool:
    try:
        limit(None, "error", {**GONE, **event})
    except structlog.DropEvent:
        return False
    return True


def here() -> None:
    raise KeyError


def there() -> None:
    raise KeyError


def raised_by(call: Callable[[], None]) -> BaseException:
    with pytest.raises(KeyError) as raised:
        call()
    return raised.value


def test_different_errors_are_told_apart() -> None:
    limit = RepeatLimit(repeats=1)
    events: list[dict[str, Any]] = [
        {},
        {"event": "other"},
        {"exc_info": KeyError()},
        {"exc_info": (ValueError, ValueError(), None)},
        {"exc_info": raised_by(here)},
        {"exc_info": raised_by(there)},
    ]
    assert [said(limit, **event) for event in [*events, *events]] == [True] * 6 + [False] * 6


def test_the_exception_under_way_is_told_apart() -> None:
    limit = RepeatLimit(repeats=1)
    assert said(limit, exc_info=True)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        assert said(limit, exc_info=True)


def test_how_often_it_was_not_said_is_said_later(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("observability.logs.processors.monotonic", lambda: now)
    limit = RepeatLimit(repeats=2, seconds=60)
    assert [said(limit) for _ in range(5)] == [True, True, False, False, False]
    now = 61.0
    assert limit(None, "error", dict(GONE)) == {**GONE, "suppressed": 3}
    assert limit(None, "error", dict(GONE)) == GONE


def test_only_so_many_errors_are_told_apart() -> None:
    limit = RepeatLimit(repeats=1)
    for number in range(501):
        assert said(limit, event=f"gone {number}")
    assert said(limit, event="gone 0")
    assert not said(limit, event="gone 500")


def test_less_than_an_error_of_another_library_always_passes() -> None:
    limit = RepeatLimit(repeats=0)
    record = logging.LogRecord("theirs", logging.WARNING, "", 0, "slow", None, None)
    assert limit.filter(record)
    record.levelno = logging.ERROR
    limit.filter(record)
    assert not limit.filter(record)
