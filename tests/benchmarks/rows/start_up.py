"""P13: from the command to a service that is ready."""

import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil

from service.infra.embedded.ports import free_port
from tests.benchmarks import cores
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Line, Result, at_most
from tests.benchmarks.row import Row

_STARTS = 5
_READY = "Glasshouse is ready"
_GIVEN = ("DATABASE_URL", "REDIS_URL", "SMTP_URL", "TOKEN_SECRET")


class NotReady(Exception):
    """The service ended before it was ready."""


@dataclass(frozen=True, slots=True)
class _Start:
    seconds: float
    api_bytes: float


def measure(bench: Bench) -> Result:
    with tempfile.TemporaryDirectory(prefix="glasshouse-benchmark-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user when we are root
        first = _start(folder)
        later = [_start(folder) for _ in bench.rounds(_STARTS)]
    return Result(
        (
            Line("a later start", Figure(tuple(start.seconds for start in later)), "s", at_most(3)),
            Line("the first start, with initdb and 10,000 products", Figure((first.seconds,)), "s"),
            Line(
                "resident memory of the API process",
                Figure(tuple(start.api_bytes / 2**20 for start in later)),
                "MiB",
            ),
        )
    )


def _start(folder: str) -> _Start:
    command = [sys.executable, "-m", "service", "up", "--data", folder, "--port", str(free_port())]
    environment = {name: value for name, value in os.environ.items() if name not in _GIVEN}
    began = perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as up:
        try:
            cores.stay_on(cores.ALL, up.pid)
            _wait_until_ready(up)
            return _Start(perf_counter() - began, _api_of(up.pid).memory_info().rss)
        finally:
            up.send_signal(signal.SIGINT)
            up.communicate()


def _wait_until_ready(up: "subprocess.Popen[str]") -> None:
    for line in up.stdout or ():
        if line.startswith(_READY):
            return
    raise NotReady


def _api_of(pid: int) -> psutil.Process:
    return next(child for child in psutil.Process(pid).children() if "api" in child.cmdline())


ROW = Row(
    "P13",
    "Start-up to ready, everything embedded",
    f"""\
`python -m service up` on all cores, from the command until it says that it is ready: PostgreSQL, Valkey and the API
answer. Once in an empty folder, then {_STARTS} times in the same one. Memory is the resident set of the API process then.""",
    measure,
)
