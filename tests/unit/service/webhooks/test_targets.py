from contextlib import ExitStack
from datetime import timedelta

import pytest

from service.infra.jobs.handlers import Postpone
from service.webhooks.targets import ANSWERING, FAILURES_TO_OPEN, LONGEST_PAUSE, UNKNOWN, Targets


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def targets(clock: Clock) -> Targets:
    return Targets(clock)


def call(targets: Targets, name: str = "a:443", *, answered: bool = True) -> None:
    with targets.call(name) as one:
        one.was_answered = answered


def wait(targets: Targets, name: str = "a:443") -> float:
    """Seconds after which the target may be called."""
    try:
        call(targets, name)
    except Postpone as postponed:
        return postponed.delay / timedelta(seconds=1)
    return 0.0


def test_a_server_has_so_many_calls_at_once_and_no_more(targets: Targets) -> None:
    with ExitStack() as calls:
        for _ in range(UNKNOWN):
            calls.enter_context(targets.call("a:443")).was_answered = True
        assert wait(targets) > 0
        assert wait(targets, "b:443") == 0
    assert wait(targets) == 0


def test_one_that_answers_has_more_calls_at_once(targets: Targets) -> None:
    with ExitStack() as calls:
        calls.enter_context(targets.call("a:443")).was_answered = True
        call(targets)
        for _ in range(ANSWERING - 1):
            calls.enter_context(targets.call("a:443")).was_answered = True
        assert wait(targets) > 0


def test_one_that_does_not_answer_is_left_alone_and_then_asked_once(targets: Targets, clock: Clock) -> None:
    for _ in range(FAILURES_TO_OPEN):
        assert wait(targets, "b:443") == 0
        call(targets, answered=False)
    assert wait(targets) > 0
    assert wait(targets, "b:443") == 0
    clock.now += 15.1
    with targets.call("a:443") as probe:
        assert wait(targets) > 0
        probe.was_answered = True
    assert wait(targets) == 0


def test_one_that_has_just_failed_is_asked_by_one_call_at_a_time(targets: Targets) -> None:
    call(targets, answered=False)
    with targets.call("a:443") as only:
        assert wait(targets) > 0
        only.was_answered = True
    with targets.call("a:443") as first, targets.call("a:443") as second:
        first.was_answered = second.was_answered = True


def test_pauses_get_longer_up_to_a_limit(targets: Targets, clock: Clock) -> None:
    for _ in range(FAILURES_TO_OPEN):
        call(targets, answered=False)
    pauses = []
    for _ in range(2000):
        pauses.append(wait(targets))
        clock.now += LONGEST_PAUSE * 2
        call(targets, answered=False)
    assert 15 < pauses[0] < 17
    assert 30 < pauses[1] < 32
    assert pauses[-1] == LONGEST_PAUSE


def test_those_who_are_sent_away_come_back_one_after_the_other(targets: Targets) -> None:
    with ExitStack() as calls:
        for _ in range(UNKNOWN):
            calls.enter_context(targets.call("a:443")).was_answered = True
        waits = [wait(targets) for _ in range(5000)]
    assert waits[0] < waits[1] < waits[2]
    assert waits[-1] == LONGEST_PAUSE


def test_a_call_that_breaks_off_gives_its_place_back_and_says_nothing_about_the_server(
    targets: Targets,
) -> None:
    for _ in range(FAILURES_TO_OPEN + UNKNOWN):
        with pytest.raises(ZeroDivisionError), targets.call("a:443"):
            raise ZeroDivisionError
    assert wait(targets) == 0


def test_servers_that_answer_are_forgotten(targets: Targets, clock: Clock) -> None:
    for number in range(100):
        call(targets, f"{number}:443", answered=number != 50)
        clock.now += 1
    assert len(targets._servers) == 1
