"""The service as it is deployed, small: API processes under one supervisor, and two workers. Some are replaced, one of each kind never."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from observability.runtime.workers import _home
from service.infra.embedded.child import Child
from service.infra.embedded.ports import answers, free_port
from service.infra.embedded.postgres import EmbeddedPostgres
from service.infra.embedded.valkey import EmbeddedValkey
from service.infra.mail.sink import MailFolder
from service.infra.mail.sink import receiving as receiving_mail
from service.migrations.run import upgrade
from service.settings import DatabaseSettings
from tests.integration.conftest import SECRET
from tests.soak.figures import REPLACED_API, REPLACED_WORKER, STAYING_API, STAYING_WORKER, SUPERVISOR

START_SECONDS = 120.0
WORKERS = (STAYING_WORKER, REPLACED_WORKER)
# As shipped, but for limits that one address with many users would meet, and receivers on this machine.
SETTINGS = {
    "REGISTER_RATE_LIMIT": "100000/minute",
    "TOKEN_RATE_LIMIT": "100000/minute",
    "TOKEN_ADDRESS_RATE_LIMIT": "100000/minute",
    "WEBHOOK_ALLOW_PRIVATE": "true",
}


class House:
    """All that runs, and who of it is to stay."""

    def __init__(self, folder: Path, smtp_port: int, api_processes: int) -> None:
        self.postgres = EmbeddedPostgres(folder, password="tests", durable=False)
        self.valkey = EmbeddedValkey(folder, password="tests")
        self.port = free_port()
        self.worker_ports = {name: free_port() for name in WORKERS}
        self._smtp_port, self._how_many = smtp_port, api_processes
        self._api = _child(SUPERVISOR, folder)
        self._workers = {name: _child(name, folder) for name in WORKERS}
        self._staying: psutil.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def shared_folder(self) -> Path:
        """Where the API processes keep their numbers."""
        (folder,) = _home().glob(f"{self._api.pid}-*")
        return folder

    @asynccontextmanager
    async def running(self) -> AsyncIterator["House"]:
        try:
            await self._start()
            yield self
        finally:
            await asyncio.to_thread(self._stop)

    def processes(self) -> Mapping[str, list[psutil.Process]]:
        """Those of our own, by what they are."""
        api = self._api_processes()
        return {
            SUPERVISOR: _processes(self._api),
            STAYING_API: [process for process in api if process == self._staying],
            REPLACED_API: [process for process in api if process != self._staying],
            **{name: _processes(child) for name, child in self._workers.items()},
        }

    def replace_api(self, how: signal.Signals) -> None:
        """End the API process that is oldest, but for the one that stays: the supervisor starts another."""
        oldest_first = sorted(self.processes()[REPLACED_API], key=psutil.Process.create_time)
        with suppress(psutil.NoSuchProcess):
            for victim in oldest_first[:1]:
                victim.send_signal(how)

    async def replace_worker(self, how: signal.Signals) -> None:
        """End the worker that does not stay, and start it again."""
        child = self._workers[REPLACED_WORKER]
        await asyncio.to_thread(child.stop if how is signal.SIGTERM else child.kill)
        self._spawn_worker(REPLACED_WORKER)

    def missing(self) -> list[str]:
        """Who was to stay and has ended."""
        stays = {
            STAYING_API: self._staying is not None and self._staying.is_running(),
            STAYING_WORKER: self._workers[STAYING_WORKER].is_running,
        }
        return [name for name, is_there in stays.items() if not is_there]

    async def until_whole(self) -> None:
        """Until every process is there, and ready for work."""
        await self._until_api_is_ready()
        for name, port in self.worker_ports.items():
            await _until_answered(self._workers[name], port, "/metrics")

    async def _start(self) -> None:
        for server in (self.postgres, self.valkey):
            server.spawn()
            await asyncio.to_thread(server.wait)
        await upgrade(DatabaseSettings(database_url=self.postgres.url).database_url)
        self._api.spawn(
            [sys.executable, "-m", "service", "api", "--unchecked"], env=self._environment(PORT=self.port)
        )
        for name in WORKERS:
            self._spawn_worker(name)
        await self.until_whole()
        self._staying = min(self._api_processes(), key=psutil.Process.create_time)

    async def _until_api_is_ready(self) -> None:
        await asyncio.to_thread(
            self._api.wait_until,
            lambda: len(self._api_processes()) == self._how_many,
            seconds=START_SECONDS,
        )
        await _until_answered(self._api, self.port, "/readyz")

    def _spawn_worker(self, name: str) -> None:
        self._workers[name].spawn(
            [sys.executable, "-m", "service", "worker", "--wait", "--quiet"],
            env=self._environment(WORKER_METRICS_PORT=self.worker_ports[name]),
        )

    def _environment(self, **port: int) -> dict[str, str]:
        return {
            **os.environ,
            **SETTINGS,
            "WORKERS": str(self._how_many),
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "SMTP_URL": f"smtp://127.0.0.1:{self._smtp_port}",
            "TOKEN_SECRET": SECRET,
            **{name: str(number) for name, number in port.items()},
        }

    def _api_processes(self) -> list[psutil.Process]:
        """Children of the supervisor that serve: another one tracks resources."""
        return [process for process in psutil.Process(self._api.pid).children() if _serves(process)]

    def _stop(self) -> None:
        for child in (self._api, *self._workers.values(), self.postgres.child, self.valkey.child):
            child.stop()


def _child(name: str, folder: Path) -> Child:
    file = name.replace(" ", "-")
    return Child(name, log=folder / f"{file}.log", pid_file=folder / f"{file}.pid", grace=30)


def _processes(child: Child) -> list[psutil.Process]:
    try:
        return [psutil.Process(child.pid)] if child.is_running else []
    except psutil.NoSuchProcess:  # it has just ended
        return []


def _serves(process: psutil.Process) -> bool:
    try:
        return any("spawn_main" in word for word in process.cmdline())
    except psutil.Error:  # it has just ended
        return False


async def _until_answered(child: Child, port: int, path: str) -> None:
    question = f"GET {path} HTTP/1.0\r\n\r\n".encode()
    await asyncio.to_thread(
        child.wait_until, lambda: answers(port, question, b"HTTP/1.1 200"), seconds=START_SECONDS
    )


class _Shredder(MailFolder):
    """Takes messages and keeps none."""

    def keep(self, content: bytes) -> None:
        pass


@asynccontextmanager
async def open_house(folder: Path, *, api_processes: int) -> AsyncIterator[House]:
    """Everything, with somebody who takes the e-mails."""
    smtp_port = free_port()
    async with (
        receiving_mail(_Shredder(folder / "mail"), host="127.0.0.1", port=smtp_port),
        House(folder, smtp_port, api_processes).running() as house,
    ):
        yield house
