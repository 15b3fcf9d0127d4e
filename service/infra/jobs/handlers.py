"""Which code runs which job: filled in the composition root of the workers."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from service.infra.jobs.job import Job

J = TypeVar("J", bound=Job)


class Discard(Exception):
    """The job can never succeed: it is held as dead, without another attempt. The message says why."""


class Postpone(Exception):
    """The job cannot run now: it comes again after the delay, and this was no attempt."""

    def __init__(self, reason: str, *, delay: timedelta) -> None:
        super().__init__(reason)
        self.delay = delay


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a handler may know about the job it runs.

    Attributes:
        job_id: The same in every attempt: what the outside world gets to recognise a repetition by.
        attempt: 1 the first time.
        attempts: How many there are in all.
        headers: What came with the job, a `traceparent` among others.
    """

    job_id: int
    attempt: int
    attempts: int
    headers: Mapping[str, str]

    @property
    def is_last_attempt(self) -> bool:
        return self.attempt >= self.attempts


Handler = Callable[[J, JobContext], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job that is enqueued again and again, at the times of a cron expression in UTC."""

    job: Job
    cron: str


class Handlers:
    """The handler of each kind of job, and what is to be enqueued by the clock.

    A handler ends a job by returning, and asks for another attempt by raising anything but `Discard` or `Postpone`.
    It may run more than once: what it does must be safe to repeat.
    """

    def __init__(self) -> None:
        self._handlers: dict[str, tuple[type[Job], Handler[Any]]] = {}
        self.schedules: list[Schedule] = []

    def add(self, kind: type[J], handler: Handler[J]) -> None:
        """Let `handler` run the jobs of this kind.

        Raises:
            ValueError: Another kind has its name.
        """
        if kind.name in self._handlers:
            msg = f"There is a job named {kind.name} already"
            raise ValueError(msg)
        self._handlers[kind.name] = (kind, handler)

    def schedule(self, job: Job, cron: str) -> None:
        """Enqueue the job whenever the clock matches `cron` (minute, hour, day, month, weekday), once among all workers."""
        self.schedules.append(Schedule(job, cron))

    @property
    def names(self) -> Iterable[str]:
        return self._handlers.keys()

    def kind(self, name: str) -> type[Job]:
        return self._handlers[name][0]

    async def run(self, job: Job, context: JobContext) -> None:
        await self._handlers[job.name][1](job, context)
