"""What a job is, before anybody runs it."""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

# `due` waits for a worker, `delayed` for its time, `dead` for an operator.
State = Literal["due", "delayed", "running", "dead"]

# More than any delay needs, and fewer than a float can take.
MAX_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a job is tried, and how long it waits in between: twice as long each time, in seconds."""

    attempts: int = 8
    first_delay: float = 2.0
    max_delay: float = 600.0

    def delay_after(self, attempt: int) -> timedelta:
        """The wait after this attempt, the first is 1; up to a half of it is random, so that jobs that failed together part."""
        longest = min(self.max_delay, self.first_delay * 2.0 ** min(attempt - 1, MAX_DOUBLINGS))
        return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311 (not a secret)


class Job(BaseModel):
    """The payload of a job: ids, never what they stand for, which may have changed when the job runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # In the queue and in metrics: a new one strands the jobs that wait under the old one.
    name: ClassVar[str]
    retry: ClassVar[RetryPolicy] = RetryPolicy()
