"""Registrations while the API, the worker and PostgreSQL are killed: who was welcomed at the door gets the e-mail."""

import asyncio
import os
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import httpx2
import pytest

from service.infra.embedded.child import Child
from service.infra.embedded.ports import answers, free_port
from service.infra.embedded.postgres import EmbeddedPostgres
from service.infra.mail.sink import MailFolder, receiving
from service.migrations.run import upgrade
from service.settings import DatabaseSettings, Settings
from tests.integration.conftest import SECRET

CLIENTS = 4
# So many accounts between two deaths, and after the last.
ACCOUNTS = 8
DEATHS = ("worker", "PostgreSQL", "API", "worker", "PostgreSQL", "worker", "API")
DEADLINE_SECONDS = 200.0


class House:
    """The processes of a service, each of which can be killed and comes back."""

    def __init__(self, folder: Path, settings: Settings, smtp_port: int) -> None:
        self.postgres = EmbeddedPostgres(folder, password="tests")
        self.port = free_port()
        self._environment = {
            **os.environ,
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": settings.redis_url,
            "TOKEN_SECRET": SECRET,
            "SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
            "PORT": str(self.port),
            "WORKER_METRICS_PORT": str(free_port()),
            "JOB_LEASE_SECONDS": "3",
            "REGISTER_RATE_LIMIT": "100000/minute",
        }
        self._commands = {"API": ("api", "--unchecked"), "worker": ("worker", "--wait")}
        self._children = {
            name: Child(name, log=folder / f"{name}.log", pid_file=folder / f"{name}.pid")
            for name in self._commands
        }

    async def start(self) -> None:
        self.postgres.spawn()
        self.postgres.wait()
        await upgrade(DatabaseSettings(database_url=self.postgres.url).database_url)
        for name in self._commands:
            self._spawn(name)
        await asyncio.to_thread(self._children["API"].wait_until, self._is_ready, seconds=60)

    async def kill(self, name: str) -> None:
        """End it at once, and start it again."""
        if name == "PostgreSQL":
            self.postgres.child.kill()
            self.postgres.spawn()
            await asyncio.to_thread(self.postgres.wait)
        else:
            self._children[name].kill()
            self._spawn(name)

    def stop(self) -> None:
        for child in (*self._children.values(), self.postgres.child):
            child.stop()

    def _spawn(self, name: str) -> None:
        command = [sys.executable, "-m", "service", *self._commands[name]]
        self._children[name].spawn(command, env=self._environment)

    def _is_ready(self) -> bool:
        return answers(self.port, b"GET /readyz HTTP/1.0\r\n\r\n", b"HTTP/1.1 200")


class Crowd:
    """Clients that register one account after the other."""

    def __init__(self, url: str) -> None:
        self.over = asyncio.Event()
        self.accounts: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self._url = url
        self._progress = asyncio.Condition()

    async def register(self, client: int) -> None:
        number = 0
        async with httpx2.AsyncClient(timeout=30) as http:
            while not self.over.is_set():
                number += 1
                email = f"user-{client}-{number}@example.com"
                account = {"email": email, "password": "correct horse battery", "name": "Ada"}
                try:
                    answer = await http.post(f"{self._url}/register", json=account)
                except httpx2.TransportError:
                    await asyncio.sleep(0.1)  # nobody is there to say when somebody will be
                    continue
                await self._note(email, answer)

    async def more(self, accounts: int) -> None:
        """Wait until so many more have been acknowledged."""
        goal = len(self.accounts) + accounts
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.accounts) >= goal)

    async def _note(self, email: str, answer: httpx2.Response) -> None:
        async with self._progress:
            if answer.status_code == 201:
                self.accounts[email] = answer.json()["id"]
            else:
                self.refused[email] = answer.status_code
            self._progress.notify_all()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)  # PostgreSQL runs as another user when the tests run as root
    return tmp_path


@pytest.fixture
async def mails(folder: Path) -> AsyncIterator[tuple[MailFolder, int]]:
    mails, port = MailFolder(folder / "mail"), free_port()
    async with receiving(mails, host="127.0.0.1", port=port):
        yield mails, port


@pytest.fixture
def house(folder: Path, settings: Settings, mails: tuple[MailFolder, int]) -> Iterator[House]:
    with ExitStack() as stack:
        house = House(folder, settings, mails[1])
        stack.callback(house.stop)
        yield house


async def test_each_account_that_was_acknowledged_exists_once_and_is_welcomed(
    house: House, mails: tuple[MailFolder, int]
) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        await house.start()
        crowd = Crowd(f"http://127.0.0.1:{house.port}")
        async with asyncio.TaskGroup() as group:
            for client in range(CLIENTS):
                group.create_task(crowd.register(client))
            for name in DEATHS:
                await crowd.more(ACCOUNTS)
                await house.kill(name)
            await crowd.more(ACCOUNTS)
            crowd.over.set()
        users = await when_all_is_done(house.postgres.url)

    received = defaultdict[str, Counter[str]](Counter)
    for name in mails[0].names():
        message = mails[0].read(name)
        assert message is not None
        received[message["To"]][message["Message-ID"]] += 1
    assert {email: user_id for email, user_id in users.items() if email in crowd.accounts} == crowd.accounts
    # A commit may succeed although its answer was lost, with a 503 or none at all: then there is a welcome, too.
    assert {email: set(ids) for email, ids in received.items()} == {
        email: {f"<welcome.{user_id}@example.com>"} for email, user_id in users.items()
    }
    assert set(crowd.refused.values()) <= {503}


async def when_all_is_done(database_url: str) -> dict[str, int]:
    """The users, once nothing waits for a worker and nothing is dead."""
    connection = await asyncpg.connect(database_url)
    try:
        while await connection.fetchval("SELECT count(*) FROM pgqueuer WHERE status <> 'failed'"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        assert await connection.fetchval("SELECT count(*) FROM pgqueuer") == 0
        rows = await connection.fetch("SELECT email, id FROM users")
        assert len(rows) == len({row["email"] for row in rows})
        return {row["email"]: row["id"] for row in rows}
    finally:
        await connection.close()
