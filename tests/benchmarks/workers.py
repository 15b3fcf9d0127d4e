"""Processes of their own for contenders and for load, each answering questions through a pipe."""

import multiprocessing
import os
import sys
import traceback
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
class _Failure:
    report: str


class Worker:
    """A fresh interpreter that runs `target(pipe, *arguments)` until the pipe is closed.

    The first thing that the target sends says that it is ready.
    """

    def __init__(
        self, target: Callable[..., None], *arguments: Any, on: AbstractSet[int] = cores.MEASURED
    ) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_run, args=(theirs, on, target, arguments), daemon=True
        )
        self._process.start()
        theirs.close()
        self.greeting = self.answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join(_FAREWELL_SECONDS)
        if self._process.is_alive():
            self._process.kill()

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
        if isinstance(answer, _Failure):
            raise WorkerFailed(answer.report)
        return answer


def next_question(pipe: Connection) -> Any:
    """The next question, or None when there will be no more. Blocks: call it in a thread where a loop runs."""
    try:
        return pipe.recv()
    except (EOFError, ConnectionError):
        return None


def _run(
    pipe: Connection, on: AbstractSet[int], target: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    cores.stay_on(on)
    # Some contenders log each request to the standard output.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    try:
        target(pipe, *arguments)
    except KeyboardInterrupt:
        return
    except Exception:  # noqa: BLE001 (whatever it is, the parent shows it)
        pipe.send(_Failure(traceback.format_exc()))
