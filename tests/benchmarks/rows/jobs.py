"""P14: how soon a job starts, and how many two workers run, beside other queues."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.bench import Bench
from tests.benchmarks.catalogue import create_database
from tests.benchmarks.figures import Figure, Line, Result, at_most
from tests.benchmarks.queues.contender import CONTENDERS, OURS, Contender, RunningQueue, running, versions
from tests.benchmarks.row import Row
from tests.servers import Servers, running_servers

_WORKERS = 2
_ROUNDS = 3
_BURST = 600
_SINGLE = 50
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class _Measured:
    """The delay in seconds, the rate in jobs a second."""

    delay: float
    rate: float


def measure(bench: Bench) -> Result:
    with ExitStack() as stack:
        servers = stack.enter_context(running_servers(durable=True))
        queues = {
            contender: stack.enter_context(running(contender, _broker(servers, contender), workers=_WORKERS))
            for contender in CONTENDERS
        }

        def ask(queue: RunningQueue) -> _Measured:
            started = queue.one_by_one(bench.amount(_SINGLE), pause=_PAUSE_SECONDS)
            burst = bench.amount(_BURST)
            return _Measured(median(job.at - job.enqueued for job in started), burst / queue.at_once(burst))

        measured = bench.take_turns(_ROUNDS, queues, ask)
    delays = {who: Figure(tuple(round_.delay for round_ in rounds)) for who, rounds in measured.items()}
    rates = {who: Figure(tuple(round_.rate for round_ in rounds)) for who, rounds in measured.items()}
    return Result(
        (
            *(
                Line(
                    f"{who.name} ({who.broker}), from enqueueing to the start, p50",
                    delay.times(1000),
                    "ms",
                    at_most(50) if who is OURS else None,
                )
                for who, delay in delays.items()
            ),
            *(
                Line(f"{who.name} ({who.broker}), {_WORKERS} workers", rate, "jobs/s")
                for who, rate in rates.items()
            ),
        ),
        (f"The others are {versions()}.",),
    )


def _broker(servers: Servers, contender: Contender) -> str:
    """A database of its own."""
    if contender.broker == "PostgreSQL":
        return asyncio.run(create_database(servers.admin_url, f"queue_{contender.module}"))
    return f"{servers.redis_url}/{CONTENDERS.index(contender)}"


ROW = Row(
    "P14",
    f"Jobs on {_WORKERS} workers, beside other queues",
    f"""\
{_WORKERS} workers of each queue, all on the same cores beside the servers, and a process that enqueues; the job says when it was enqueued and that it
runs. {_SINGLE} jobs one by one with a pause of {_PAUSE_SECONDS} s: the delay is from just before the call that enqueues (here its transaction, too) to the first line of the
job. Then {_BURST:,} jobs, enqueued while the workers are stopped (SIGSTOP): from when they go on to when the last job runs. {_ROUNDS} rounds after one that does not count.
Workers run 10 jobs at once, Celery's two processes each (its default on two cores), taskiq's as many as they like; logs are off, and jobs are
acknowledged when they are done (Celery: `task_acks_late`, taskiq: `RedisStreamBroker`). PostgreSQL waits for its disk at each commit; Valkey is in memory, and
writes nothing to disk before it answers.""",
    measure,
)
