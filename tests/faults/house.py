"""A service of several processes behind networks that break, for tests that hurt them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import asyncpg
import psutil

from service.infra.embedded.child import Child
from service.infra.embedded.ports import answers, free_port
from service.infra.embedded.postgres import EmbeddedPostgres
from service.infra.embedded.valkey import EmbeddedValkey
from service.infra.mail.sink import MailFolder
from service.infra.mail.sink import receiving as receiving_mail
from service.migrations.run import upgrade
from service.settings import DatabaseSettings
from tests.faults.proxy import Network, Proxy
from tests.faults.schedule import APIS, POSTGRES, VALKEY, WORKER, Fault, Violence
from tests.integration.conftest import SECRET
from tests.integration.webhooks.receiver import Receiver
from tests.integration.webhooks.receiver import receiving as receiving_webhooks

Server: TypeAlias = EmbeddedPostgres | EmbeddedValkey

START_SECONDS = 120.0
COMMANDS = {WORKER: ("worker", "--wait"), **dict.fromkeys(APIS, ("api", "--unchecked"))}
# What answers as soon as they run, however their servers are.
SIGNS_OF_LIFE = {WORKER: "/metrics", **dict.fromkeys(APIS, "/healthz")}
# One API is a process, the other a supervisor and two.
WORKERS = dict(zip(APIS, ("1", "2"), strict=True))
# Short, so that a dead connection is noticed within the seconds that a test has.
SETTINGS = {
    "STATEMENT_TIMEOUT": "3",
    "CONNECT_TIMEOUT": "3",
    "POOL_TIMEOUT": "4",
    "JOB_LEASE_SECONDS": "3",
    "REGISTER_RATE_LIMIT": "100000/minute",
    "WEBHOOK_ALLOW_PRIVATE": "true",
    "SMTP_TIMEOUT": "5",
}


class HasEnded(Exception):
    """Somebody does not run who should: it ended by itself, or did not come back."""


class House:
    """PostgreSQL, Valkey, two APIs and a worker; each can be hurt, and is well again afterwards."""

    def __init__(self, folder: Path, mails: MailFolder, webhooks: Receiver, smtp_port: int) -> None:
        self.postgres = EmbeddedPostgres(folder, password="tests")
        self.mails, self.webhooks = mails, webhooks
        self._valkey = EmbeddedValkey(folder, password="tests")
        self._servers: dict[str, Server] = {POSTGRES: self.postgres, VALKEY: self._valkey}
        self._proxies = {name: Proxy(server.port) for name, server in self._servers.items()}
        self._ports = {name: free_port() for name in COMMANDS}
        self._smtp_port = smtp_port
        self._children = {
            **{name: server.child for name, server in self._servers.items()},
            **{
                name: Child(name, log=folder / f"{name}.log", pid_file=folder / f"{name}.pid")
                for name in COMMANDS
            },
        }

    @property
    def urls(self) -> list[str]:
        """Of the APIs."""
        return [f"http://127.0.0.1:{self._ports[name]}" for name in APIS]

    @property
    def database_url(self) -> str:
        """Past the proxy."""
        return self.postgres.url

    @asynccontextmanager
    async def running(self) -> AsyncIterator["House"]:
        async with AsyncExitStack() as stack:
            for proxy in self._proxies.values():
                await stack.enter_async_context(proxy.listening())
            try:
                await self._start()
                yield self
            finally:
                await asyncio.to_thread(self._stop)

    async def hurt(self, fault: Fault) -> None:
        """From the beginning of a fault to its end.

        Raises:
            HasEnded: Its target is not there to be hurt.
            StartupError: It was killed, and does not come back.
        """
        self._require_running(fault.target)
        match fault.how:
            case Violence.KILLED:
                self._kill(fault.target)
                await asyncio.sleep(fault.seconds)
                await self._spawn(fault.target)
                if fault.target in COMMANDS:
                    await self._until_answered(fault.target, SIGNS_OF_LIFE[fault.target])
            case Violence.FROZEN:
                family = self._family(fault.target)
                _each(family, psutil.Process.suspend)
                try:
                    await asyncio.sleep(fault.seconds)
                finally:
                    _each(family, psutil.Process.resume)
            case Network() as network:
                self._proxies[fault.target].become(network)
                await asyncio.sleep(fault.seconds)
                self._proxies[fault.target].become(Network.FINE)

    def dead(self) -> list[str]:
        """Who does not run, and was not told to end."""
        return [name for name, child in self._children.items() if not child.is_running]

    async def _start(self) -> None:
        for name in self._servers:
            await self._spawn(name)
        await upgrade(DatabaseSettings(database_url=self.postgres.url).database_url)
        await self._add_owner()
        for name in COMMANDS:
            await self._spawn(name)
        for name, path in SIGNS_OF_LIFE.items():
            await self._until_answered(name, path)
        for name in APIS:
            await self.until_ready(name)

    async def until_ready(self, name: str) -> None:
        """Until an API can do its work; raises StartupError if it ends instead."""
        await self._until_answered(name, "/readyz")

    async def _until_answered(self, name: str, path: str) -> None:
        port, request = self._ports[name], f"GET {path} HTTP/1.0\r\n\r\n".encode()

        def is_answered() -> bool:
            return answers(port, request, b"HTTP/1.1 200")

        await asyncio.to_thread(self._children[name].wait_until, is_answered, seconds=START_SECONDS)

    async def _spawn(self, name: str) -> None:
        if name in self._servers:
            server = self._servers[name]
            server.spawn()
            await asyncio.to_thread(server.wait)
            return
        command = [sys.executable, "-m", "service", *COMMANDS[name]]
        self._children[name].spawn(command, env=self._environment(name))

    def _environment(self, name: str) -> dict[str, str]:
        port = str(self._ports[name])
        return {
            **os.environ,
            **SETTINGS,
            "DATABASE_URL": _behind(self._proxies[POSTGRES], self.postgres),
            "REDIS_URL": _behind(self._proxies[VALKEY], self._valkey),
            "SMTP_URL": f"smtp://127.0.0.1:{self._smtp_port}",
            "TOKEN_SECRET": SECRET,
            **({"WORKER_METRICS_PORT": port} if name == WORKER else {"PORT": port, "WORKERS": WORKERS[name]}),
        }

    async def _add_owner(self) -> None:
        """The account with the id 1, whose tokens the clients have."""
        connection = await asyncpg.connect(self.postgres.url)
        try:
            await connection.execute(
                "INSERT INTO users (email, name, password_hash) VALUES ('owner@example.com', 'Ada', '')"
            )
        finally:
            await connection.close()

    def _require_running(self, name: str) -> None:
        child = self._children[name]
        if not child.is_running:
            msg = f"{name} has ended by itself: {child.last_words()}"
            raise HasEnded(msg)

    def _kill(self, name: str) -> None:
        family = self._family(name)  # what PostgreSQL starts is not in its process group
        _each(family, psutil.Process.kill)
        self._children[name].kill()
        psutil.wait_procs(family[1:], timeout=START_SECONDS)

    def _family(self, name: str) -> list[psutil.Process]:
        parent = psutil.Process(self._children[name].pid)
        return [parent, *parent.children(recursive=True)]

    def _stop(self) -> None:
        for name in (*COMMANDS, *self._servers):
            self._children[name].stop()


def _each(processes: Iterable[psutil.Process], do: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # PostgreSQL's come and go
            do(process)


def _behind(proxy: Proxy, server: Server) -> str:
    return server.url.replace(f":{server.port}/", f":{proxy.port}/")


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    """Everything, with somebody who takes the e-mails and the webhooks."""
    mails, smtp_port = MailFolder(folder / "mail"), free_port()
    async with (
        receiving_mail(mails, host="127.0.0.1", port=smtp_port),
        receiving_webhooks() as webhooks,
        House(folder, mails, webhooks, smtp_port).running() as house,
    ):
        yield house
