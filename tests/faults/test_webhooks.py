"""Product writes while the API, the worker and PostgreSQL are killed: what was acknowledged is told, by one id."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import httpx2
import pytest

from service.infra.tokens import Scope, Tokens
from service.settings import Settings
from tests.faults.house import WRITES, House, deaths, show
from tests.integration.conftest import SECRET
from tests.integration.webhooks.receiver import receiving

CLIENTS = 3
# So many products between two deaths, and after the last.
PRODUCTS = 6
DEATHS = ("worker", "PostgreSQL", "API", "worker")
DEADLINE_SECONDS = 200.0 + WRITES
_WAITING = "SELECT count(*) FROM webhook_deliveries WHERE status <> 'delivered'"


@pytest.fixture
def house(folder: Path, settings: Settings) -> Iterator[House]:
    with ExitStack() as stack:
        # Nobody takes e-mails, and nobody sends any.
        house = House(folder, settings.redis_url, SMTP_URL="smtp://127.0.0.1:1", WEBHOOK_ALLOW_PRIVATE="true")
        stack.callback(house.stop)
        yield house


class Editors:
    """Clients that create one product after the other."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.over = asyncio.Event()
        self.products: set[int] = set()
        self._http = http
        self._progress = asyncio.Condition()

    async def create(self) -> None:
        while not self.over.is_set():
            product = {"name": "Oak board", "description": "A board.", "category": "kitchen", "price": "1"}
            try:
                answer = await self._http.post("/products", json=product)
            except httpx2.TransportError:
                await asyncio.sleep(0.1)  # nobody is there to say when somebody will be
                continue
            async with self._progress:
                if answer.status_code == 201:
                    self.products.add(answer.json()["id"])
                self._progress.notify_all()

    async def more(self, products: int) -> None:
        """Wait until so many more have been acknowledged."""
        goal = len(self.products) + products
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.products) >= goal)


async def test_each_write_that_was_acknowledged_is_told_by_one_id_and_no_other_is(house: House) -> None:
    killed = Counter[str]()
    async with asyncio.timeout(DEADLINE_SECONDS), receiving() as receiver:
        await house.start()
        await add_owner(house.postgres.url)
        token = Tokens(SECRET, lifetime=3600).issue(1, Scope)
        headers = {"Authorization": f"Bearer {token}"}
        base_url = f"http://127.0.0.1:{house.port}"
        async with httpx2.AsyncClient(base_url=base_url, headers=headers, timeout=30) as http:
            webhook = {"url": receiver.url, "events": ["product.created"]}
            assert (await http.post("/webhooks", json=webhook)).status_code == 201
            editors = Editors(http)
            async with asyncio.TaskGroup() as group:
                for _ in range(CLIENTS):
                    group.create_task(editors.create())
                for products, name in deaths(DEATHS, after=PRODUCTS):
                    await editors.more(products)
                    await house.kill(name)
                    killed[name] += 1
                await editors.more(PRODUCTS)
                editors.over.set()
        created = await when_all_is_told(house.postgres.url)

    told = defaultdict[int, set[str]](set)
    for received in receiver.received:
        told[json.loads(received.body)["data"]["id"]].add(received.headers["webhook-id"])
    # A commit may succeed although its answer was lost: then it is told, too.
    assert editors.products <= created == told.keys()
    assert all(len(ids) == 1 for ids in told.values())
    assert len(set.union(*told.values())) == len(told)
    show(
        killed=dict(killed),
        acknowledged=len(editors.products),
        created_without_answer=len(created - editors.products),
        calls=len(receiver.received),
        calls_repeated=len(receiver.received) - len(told),
    )


async def add_owner(database_url: str) -> None:
    """The account with the id 1, without a welcome."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "INSERT INTO users (email, name, password_hash) VALUES ('a@b.example', 'Ada', '')"
        )
    finally:
        await connection.close()


async def when_all_is_told(database_url: str) -> set[int]:
    """The ids of the products, once every delivery has arrived."""
    connection = await asyncpg.connect(database_url)
    try:
        while await connection.fetchval(_WAITING):  # noqa: ASYNC110 (the answer is in a database)
            await asyncio.sleep(0.1)
        return {row["id"] for row in await connection.fetch("SELECT id FROM products")}
    finally:
        await connection.close()
