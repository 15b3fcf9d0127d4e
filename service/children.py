"""The processes of our own that `python -m service up` supervises: the API, a worker, a mailbox."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from service.infra.embedded.child import Child
from service.infra.embedded.ports import answers, free_port
from service.settings import Settings

API_START_SECONDS = 60.0
# Ten for requests under way, five for spans that wait, and a moment to close.
API_STOP_SECONDS = 20.0
WORKER_START_SECONDS = 60.0
MAILBOX_START_SECONDS = 30.0


class Server(Protocol):
    """A child that can be started, again and again."""

    child: Child

    def spawn(self) -> None: ...

    def wait(self) -> None: ...


class Api:
    """The API in a process of its own."""

    def __init__(self, host: str, port: int, drain: float, env: Mapping[str, str], folder: Path) -> None:
        self._address = (host, port)
        self._env = env
        self.child = Child("The API", pid_file=folder / "api.pid", grace=drain + API_STOP_SECONDS)

    def spawn(self) -> None:
        self.child.spawn([sys.executable, "-m", "service", "api", "--unchecked"], env=self._env)

    def wait(self) -> None:
        self.child.wait_until(self._is_ready, seconds=API_START_SECONDS)

    def _is_ready(self) -> bool:
        host, port = self._address
        return answers(port, b"GET /readyz HTTP/1.0\r\n\r\n", b"HTTP/1.1 200", host=host)


class Worker:
    """A worker in a process of its own."""

    def __init__(self, settings: Settings, env: Mapping[str, str], folder: Path) -> None:
        self._address = (settings.worker_metrics_host, settings.worker_metrics_port)
        self._env = env
        # It may take as long as its drain, to write down what it put back, and for spans that wait.
        grace = settings.worker_drain_seconds + API_STOP_SECONDS
        self.child = Child("The worker", pid_file=folder / "worker.pid", grace=grace)

    def spawn(self) -> None:
        self.child.spawn([sys.executable, "-m", "service", "worker", "--wait", "--quiet"], env=self._env)

    def wait(self) -> None:
        self.child.wait_until(self._is_scraped, seconds=WORKER_START_SECONDS)

    def _is_scraped(self) -> bool:
        host, port = self._address
        return answers(port, b"GET /metrics HTTP/1.0\r\n\r\n", b"HTTP/1.1 200", host=host)


class Mailbox:
    """Takes the e-mail, so that it can be read and nothing is sent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "mail"
        self.port, self._smtp_port = free_port(), free_port()
        self.child = Child("The mailbox", pid_file=folder / "mailbox.pid", log=folder / "mailbox.log")

    @property
    def smtp_url(self) -> str:
        return f"smtp://127.0.0.1:{self._smtp_port}"

    def spawn(self) -> None:
        ports = ("--port", str(self.port), "--smtp-port", str(self._smtp_port))
        command = [sys.executable, "-m", "service", "mailbox", "--folder", str(self.folder), *ports]
        self.child.spawn(command)

    def wait(self) -> None:
        self.child.wait_until(self._answers, seconds=MAILBOX_START_SECONDS)

    def _answers(self) -> bool:
        return answers(self._smtp_port, b"QUIT\r\n", b"220")
