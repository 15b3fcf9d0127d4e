"""Registrations while the API, the worker and PostgreSQL are killed: who was welcomed at the door gets the e-mail."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import httpx2
import pytest

from service.infra.embedded.ports import free_port
from service.infra.mail.sink import MailFolder, receiving
from service.settings import Settings
from tests.faults.house import WRITES, House, deaths, show

CLIENTS = 4
# So many accounts between two deaths, and after the last.
ACCOUNTS = 8
DEATHS = ("worker", "PostgreSQL", "API", "worker", "PostgreSQL", "worker", "API")
DEADLINE_SECONDS = 200.0 + WRITES


class Crowd:
    """Clients that register one account after the other, each of which also asks for one that it cannot have.

    Attributes:
        accounts: The ids of those that were acknowledged, by e-mail address.
        refused: The statuses of those that were not, by e-mail address.
    """

    def __init__(self, url: str) -> None:
        self.over = asyncio.Event()
        self.accounts: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self._url = url
        self._progress = asyncio.Condition()

    async def register(self, client: int) -> None:
        number = 0
        async with httpx2.AsyncClient(base_url=self._url, timeout=30) as http:
            while not self.over.is_set():
                number += 1
                await self._ask(http, f"user-{client}-{number}@example.com", "correct horse battery")
                await self._ask(http, f"short-{client}-{number}@example.com", "horse")

    async def more(self, accounts: int) -> None:
        """Wait until so many more have been acknowledged."""
        goal = len(self.accounts) + accounts
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.accounts) >= goal)

    async def _ask(self, http: httpx2.AsyncClient, email: str, password: str) -> None:
        account = {"email": email, "password": password, "name": "Ada"}
        try:
            answer = await http.post("/register", json=account)
        except httpx2.TransportError:
            await asyncio.sleep(0.1)  # nobody is there to say when somebody will be
            return
        async with self._progress:
            if answer.status_code == 201:
                self.accounts[email] = answer.json()["id"]
            else:
                self.refused[email] = answer.status_code
            self._progress.notify_all()


@pytest.fixture
async def mails(folder: Path) -> AsyncIterator[tuple[MailFolder, int]]:
    mails, port = MailFolder(folder / "mail"), free_port()
    async with receiving(mails, host="127.0.0.1", port=port):
        yield mails, port


@pytest.fixture
def house(folder: Path, settings: Settings, mails: tuple[MailFolder, int]) -> Iterator[House]:
    with ExitStack() as stack:
        house = House(folder, settings.redis_url, SMTP_URL=f"smtp://127.0.0.1:{mails[1]}")
        stack.callback(house.stop)
        yield house


async def test_each_account_that_was_acknowledged_exists_once_and_is_welcomed(
    house: House, mails: tuple[MailFolder, int]
) -> None:
    killed = Counter[str]()
    async with asyncio.timeout(DEADLINE_SECONDS):
        await house.start()
        crowd = Crowd(f"http://127.0.0.1:{house.port}")
        async with asyncio.TaskGroup() as group:
            for client in range(CLIENTS):
                group.create_task(crowd.register(client))
            for accounts, name in deaths(DEATHS, after=ACCOUNTS):
                await crowd.more(accounts)
                await house.kill(name)
                killed[name] += 1
            await crowd.more(ACCOUNTS)
            crowd.over.set()
        users = await when_all_is_done(house.postgres.url)

    received = defaultdict[str, Counter[str]](Counter)
    for name in mails[0].names():
        message = mails[0].read(name)
        assert message is not None
        received[message["To"]][message["Message-ID"]] += 1
    assert {email: user_id for email, user_id in users.items() if email in crowd.accounts} == crowd.accounts
    assert {email: set(ids) for email, ids in received.items()} == {
        email: {f"<welcome.{user_id}@example.com>"} for email, user_id in users.items()
    }
    statuses = Counter(crowd.refused.values())
    assert 422 in statuses
    assert statuses.keys() <= {422, 503}
    assert not [email for email in users if crowd.refused.get(email) == 422]
    # A commit may have succeeded although PostgreSQL died before it said so: of each client one, each time that it died.
    doubtful = [email for email in users if crowd.refused.get(email) == 503]
    assert len(doubtful) <= killed["PostgreSQL"] * CLIENTS
    show(
        killed=dict(killed),
        acknowledged=len(crowd.accounts),
        refused=dict(statuses),
        accounts_after_503=len(doubtful),
        accounts_without_answer=len(users.keys() - crowd.accounts.keys() - crowd.refused.keys()),
        emails=sum(map(Counter.total, received.values())),
        emails_repeated=sum(ids.total() - 1 for ids in received.values()),
    )


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
