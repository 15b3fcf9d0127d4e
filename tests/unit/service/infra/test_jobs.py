from datetime import timedelta
from typing import ClassVar

import pytest
from pydantic import ValidationError

from service.infra.jobs.handlers import Handlers, JobContext
from service.infra.jobs.job import Job, RetryPolicy


class Greet(Job):
    name: ClassVar[str] = "greet"

    user_id: int


async def greet(_job: Greet, _context: JobContext) -> None: ...


@pytest.mark.parametrize(("attempt", "longest"), [(1, 2), (2, 4), (3, 8), (4, 10), (2000, 10)])
def test_each_wait_is_twice_as_long_up_to_a_limit_and_partly_random(attempt: int, longest: int) -> None:
    policy = RetryPolicy(attempts=5, first_delay=2, max_delay=10)
    waits = [policy.delay_after(attempt) for _ in range(200)]
    assert timedelta(seconds=longest / 2) <= min(waits) < max(waits) <= timedelta(seconds=longest)


def test_a_payload_takes_nothing_that_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        Greet.model_validate({"user_id": 1, "email": "ada@example.com"})


def test_two_kinds_of_one_name_are_refused() -> None:
    handlers = Handlers()
    handlers.add(Greet, greet)
    with pytest.raises(ValueError, match="a job named greet already"):
        handlers.add(Greet, greet)


def test_the_last_attempt_knows_that_it_is_the_last() -> None:
    contexts = [JobContext(job_id=1, attempt=attempt, attempts=2, headers={}) for attempt in (1, 2)]
    assert [context.is_last_attempt for context in contexts] == [False, True]
