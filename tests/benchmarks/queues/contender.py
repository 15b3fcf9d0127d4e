"""A job queue with its workers, as its documentation starts them, and somebody who enqueues."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

from tests.benchmarks import cores
from tests.benchmarks.queues.reports import Reports, Started, collecting

_PACKAGE = "tests.benchmarks.queues"
_PINS = ("requirements.txt", "arq.txt")


def versions() -> str:
    """What is pinned of the others."""
    lines = (line for name in _PINS for line in Path(__file__).with_name(name).read_text().splitlines())
    return ", ".join(line.replace("==", " ") for line in lines if "==" in line)


@dataclass(frozen=True, slots=True)
class Contender:
    """One file of this package.

    Attributes:
        name: For the table.
        broker: What it keeps its jobs in.
        module: Its file.
        worker: The command of a worker, `python -m` being left out; `{n}` is its number.
        environment: A folder of `.venv-bench`; empty where we are installed ourselves.
        prepare: A command that is run once before all others.
        processes: How many run jobs in each worker.
    """

    name: str
    broker: Literal["PostgreSQL", "Valkey"]
    module: str
    worker: str
    environment: str = "queues"
    prepare: str = ""
    processes: int = 1

    def python(self, command: str) -> list[str]:
        folder = Path(sys.prefix) / self.environment / "bin" / "python"
        return [str(folder) if self.environment else sys.executable, "-m", *command.split()]


OURS = Contender("ours", "PostgreSQL", "ours", f"{_PACKAGE}.ours", environment="")
CONTENDERS = (
    OURS,
    Contender(
        "procrastinate",
        "PostgreSQL",
        "on_procrastinate",
        f"procrastinate --app={_PACKAGE}.on_procrastinate.app --log-level=warning worker --concurrency=10",
        prepare=f"procrastinate --app={_PACKAGE}.on_procrastinate.app schema --apply",
    ),
    Contender(
        "Celery",
        "Valkey",
        "on_celery",
        f"celery -A {_PACKAGE}.on_celery worker --concurrency=2 --hostname=worker-{{n}}@%h --loglevel=WARNING",
        processes=2,
    ),
    Contender(
        "taskiq",
        "Valkey",
        "on_taskiq",
        f"taskiq worker {_PACKAGE}.on_taskiq:broker --workers=1 --log-level=WARNING",
    ),
    Contender(
        "arq",
        "Valkey",
        "on_arq",
        f"arq {_PACKAGE}.on_arq.WorkerSettings --custom-log-dict {_PACKAGE}.on_arq.QUIET",
        environment="arq",
    ),
)


class RunningQueue:
    """Workers that run, and a process that enqueues when it is asked."""

    def __init__(
        self, reports: Reports, workers: "list[subprocess.Popen[bytes]]", client: "subprocess.Popen[str]"
    ) -> None:
        self._reports = reports
        self._workers = workers
        self._client = client

    def warm_up(self, processes: int) -> None:
        """Enqueue until so many processes have run jobs."""
        while self._reports.processes < processes:
            self._enqueue(20, pause=0)
            self._reports.of(20)

    def one_by_one(self, jobs: int, *, pause: float) -> list[Started]:
        """When each job started, the workers having nothing else to do; `pause` is in seconds."""
        self._enqueue(jobs, pause=pause)
        return self._reports.of(jobs)

    def at_once(self, jobs: int) -> float:
        """The seconds that the workers need for jobs that are all there when they begin."""
        self._signal(signal.SIGSTOP)
        try:
            self._enqueue(jobs, pause=0)
        finally:
            began = monotonic()
            self._signal(signal.SIGCONT)
        return max(started.at for started in self._reports.of(jobs)) - began

    def _enqueue(self, jobs: int, *, pause: float) -> None:
        if self._client.stdin is None or self._client.stdout is None:
            raise AssertionError
        self._client.stdin.write(f"{jobs} {pause}\n")
        self._client.stdin.flush()
        if not self._client.stdout.readline():
            msg = "The process that enqueues has gone; its last words are above"
            raise RuntimeError(msg)

    def _signal(self, number: int) -> None:
        for worker in self._workers:
            os.killpg(worker.pid, number)


@contextmanager
def running(contender: Contender, broker_url: str, *, workers: int) -> Iterator[RunningQueue]:
    """The contender with so many workers, each of which has run a job."""
    with ExitStack() as stack:
        reports = stack.enter_context(collecting())
        environment = {
            **os.environ,
            "QUEUE_BROKER_URL": broker_url,
            "QUEUE_REPORTS_PORT": str(reports.port),
            "PYTHONWARNINGS": "ignore",  # Celery would say that we are root
        }
        if contender.prepare:
            subprocess.run(contender.python(contender.prepare), env=environment, check=True)
        started = [stack.enter_context(_worker(contender, n, environment)) for n in range(workers)]
        queue = RunningQueue(reports, started, stack.enter_context(_client(contender, environment)))
        queue.warm_up(workers * contender.processes)
        yield queue


@contextmanager
def _worker(
    contender: Contender, number: int, environment: Mapping[str, str]
) -> "Iterator[subprocess.Popen[bytes]]":
    """In a process group of its own: it may start others."""
    command = contender.python(contender.worker.format(n=number))
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    ) as worker:
        try:
            cores.stay_on(cores.ALL, worker.pid)
            yield worker
        finally:
            os.killpg(worker.pid, signal.SIGKILL)


@contextmanager
def _client(contender: Contender, environment: Mapping[str, str]) -> "Iterator[subprocess.Popen[str]]":
    command = contender.python(f"{_PACKAGE}.enqueuing {_PACKAGE}.{contender.module}")
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as client:
        try:
            yield client
        finally:
            client.communicate()
