"""`python -m service` with its own settings, from its start to its end."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic, sleep

from service.infra.embedded.ports import answers
from tests.benchmarks import cores

_START_SECONDS = 60.0
_POLL_SECONDS = 0.05
SECRET = "5d41402abc4b2a76b9719d911017c592f00d8cd98f00b204"


class NotReady(Exception):
    """It did not answer in time."""


@contextmanager
def serving(command: str, *, path: str, port: int, settings: Mapping[str, str]) -> Iterator[int]:
    """The process, on all cores, and its id, once `path` on its port answers."""
    environment = {**os.environ, "TOKEN_SECRET": SECRET, **settings}
    with subprocess.Popen(
        [sys.executable, "-m", "service", command], env=environment, stdout=subprocess.DEVNULL
    ) as process:
        try:
            cores.stay_on(cores.ALL, process.pid)
            _wait(path, port)
            yield process.pid
        finally:
            process.terminate()


def _wait(path: str, port: int) -> None:
    deadline = monotonic() + _START_SECONDS
    while not answers(port, f"GET {path} HTTP/1.0\r\n\r\n".encode(), b"HTTP/1.1 200"):
        if monotonic() > deadline:
            raise NotReady
        sleep(_POLL_SECONDS)
