"""`python -m service` as processes of their own, the way people start it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias, TypeVar

import httpx2
import psutil
import pytest

from service.infra.embedded.ports import free_port

T = TypeVar("T")
Settings: TypeAlias = Mapping[str, str]
NONE: Settings = {}
DEADLINE_SECONDS = 120.0
POLL_SECONDS = 0.02
HELD_UP = '"event": "event_loop_blocked"'
ROOT = Path(__file__).parent.parent
READY = "Ctrl-C stops everything"
# Of a process on a machine that is busy with other things.
PATIENT = dict.fromkeys(
    ("POOL_TIMEOUT", "CONNECT_TIMEOUT", "STATEMENT_TIMEOUT", "REDIS_TIMEOUT", "MAX_WAIT", "REQUEST_TIMEOUT"),
    "60",
)
SETTINGS = (
    "DATABASE_URL",
    "REDIS_URL",
    "SMTP_URL",
    "TOKEN_SECRET",
    "HOST",
    "PORT",
    "ADMIN_PORT",
    "WORKERS",
    "WORKER_METRICS_PORT",
    "SAMPLE_PASSWORD",
)
CHILDREN = {
    "PostgreSQL": "bin/postgres",
    "Valkey": "valkey-server",
    "The mailbox": "-m service mailbox",
    "The API": "-m service api",
    "The worker": "-m service worker",
}


def eventually(what: str, ask: Callable[[], T | None]) -> T:
    """What `ask` answers as soon as that is true."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
        time.sleep(POLL_SECONDS)
    pytest.fail(f"Not within {DEADLINE_SECONDS:.0f} s: {what}")


async def until(condition: Callable[[], object]) -> None:
    """Let others run until the condition holds."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 (what others do may be known to the system alone)
            await asyncio.sleep(POLL_SECONDS)


def run_service(*arguments: str, settings: Settings = NONE) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        _command(*arguments),
        cwd=ROOT,
        env=_environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )


def is_connected(process: psutil.Process, port: int) -> bool:
    """Whether it has a connection to somebody's port."""
    return any(each.raddr[1:] == (port,) for each in process.net_connections("tcp"))


def end_of(processes: list[psutil.Process]) -> bool:
    """Whether all of these have ended; nobody may be there to collect an orphan."""
    return not any(map(_is_alive, processes))


class Instance:
    """A running `up`, or another command that goes on until it is stopped."""

    def __init__(self, folder: Path, *arguments: str, port: int, settings: Settings = NONE) -> None:
        self.folder, self.port = folder, port
        self.base = f"http://127.0.0.1:{port}"
        for name in ("stdout", "stderr"):
            # What an earlier instance has left running still writes to the files of that one.
            (folder / name).unlink(missing_ok=True)
        with (folder / "stdout").open("w") as output, (folder / "stderr").open("w") as errors:
            self.process = subprocess.Popen(
                _command(*arguments),
                cwd=ROOT,
                env=_environment(settings),
                stdout=output,
                stderr=errors,
            )

    @classmethod
    def up(
        cls, folder: Path, *arguments: str, port: int | None = None, settings: Settings = NONE
    ) -> "Instance":
        """Start everything with a small catalogue, and wait for the banner."""
        port = port or free_port()
        options = ("--port", str(port), "--data", str(folder / "data"), "--products", "50", *arguments)
        instance = cls(folder, "up", *options, port=port, settings=settings)
        eventually("the banner", lambda: READY in instance.output or instance.process.poll() is not None)
        assert READY in instance.output, instance.errors
        return instance

    @property
    def output(self) -> str:
        return (self.folder / "stdout").read_text()

    @property
    def errors(self) -> str:
        """What it said on standard error, except that its event loop was held up: a busy machine does that."""
        lines = (self.folder / "stderr").read_text().splitlines(keepends=True)
        return "".join(line for line in lines if HELD_UP not in line)

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.base}{path}", timeout=30)

    def post(self, path: str, **request: object) -> httpx2.Response:
        return httpx2.post(f"{self.base}{path}", timeout=30, **request)  # type: ignore[arg-type]

    def is_ready(self) -> bool:
        """Whether the API and both its servers answer."""
        try:
            return bool(self.get("/readyz").json()["status"] == "ready")
        except (httpx2.HTTPError, ValueError):
            return False

    def listens(self) -> bool:
        """Whether it takes connections."""
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def child(self, name: str) -> psutil.Process | None:
        for process in psutil.Process(self.process.pid).children():
            try:
                if CHILDREN[name] in " ".join(process.cmdline()):
                    return process
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return None

    def servers(self) -> list[psutil.Process]:
        """Of an API: its workers, or itself where it has none."""
        own = psutil.Process(self.process.pid)
        return [each for each in own.children() if "spawn_main" in " ".join(each.cmdline())] or [own]

    def family(self) -> list[psutil.Process]:
        """All that it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit status, after its end."""
        return self.process.wait(DEADLINE_SECONDS)

    def kill(self) -> None:
        """End it and all that it has started, at once."""
        family = self.family() if self.process.poll() is None else []
        self.process.kill()
        self.wait()
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        eventually("all have ended", lambda: end_of(family))

    def stop(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            self.wait()


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "service", *arguments]


def _environment(settings: Settings) -> Settings:
    return {**{name: value for name, value in os.environ.items() if name not in SETTINGS}, **settings}


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
