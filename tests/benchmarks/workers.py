"""Processes of their own for contenders and for load, each answering questions through a pipe."""

import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

import psutil

from tests.benchmarks import cores

_PATIENCE_SECONDS = 120.0
_FAREWELL_SECONDS = 10.0


class WorkerFailed(Exception):
    """A worker raised, ended, or never answered."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The trace of what a worker raised, as it travels through the pipe."""

    trace: str


class Worker:
    """A fresh interpreter that runs `target(pipe, *arguments)` until the pipe is closed.

    The first thing that the target sends says that it is ready. It is no process of `multiprocessing`, whose children
    take each other for workers of one service.
    """

    def __init__(
        self, target: Callable[..., None], *arguments: Any, on: AbstractSet[int] = cores.MEASURED
    ) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.worker", str(number)],
                pass_fds=[number],
                # Some contenders log each request.
                stdout=subprocess.DEVNULL,
            )
        self.tell((on, target, arguments))
        self.greeting = self.answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        try:
            self._process.wait(_FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def process(self) -> psutil.Process:
        """The worker as the operating system sees it."""
        return psutil.Process(self._process.pid)

    def ask(self, question: Any) -> Any:
        """What the target sends in reply."""
        self.tell(question)
        return self.answer()

    def tell(self, question: Any) -> None:
        """Ask; the answer is fetched later."""
        self._pipe.send(question)

    def has_answer(self, seconds: float) -> bool:
        """Wait so long for an answer to be there."""
        return self._pipe.poll(seconds)

    def answer(self) -> Any:
        """Fetch the next answer.

        Raises:
            WorkerFailed: With the trace of what the target raised, or because it has gone.
        """
        if not self.has_answer(_PATIENCE_SECONDS):
            msg = f"A worker did not answer for {_PATIENCE_SECONDS:.0f} seconds"
            raise WorkerFailed(msg)
        try:
            answer = self._pipe.recv()
        except (EOFError, ConnectionError):
            msg = "A worker has gone; its last words are above"
            raise WorkerFailed(msg) from None
        if isinstance(answer, Failure):
            raise WorkerFailed(answer.trace)
        return answer


def next_question(pipe: Connection) -> Any:
    """The next question, or None when there will be no more. Blocks: call it in a thread where a loop runs."""
    try:
        return pipe.recv()
    except (EOFError, ConnectionError):
        return None
