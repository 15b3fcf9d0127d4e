"""Several API processes, one of which has workers, are restarted behind a proxy one after the other, under load: no request fails."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import psutil
import pytest

from service.infra.embedded.ports import free_port
from service.infra.tokens import Scope, Tokens
from service.settings import Settings
from tests.faults.balancer import Backend, Balancer
from tests.instances import PATIENT, Instance, is_connected, until
from tests.integration.conftest import SECRET
from tests.locks import until_blocked

# Of each process: a second one makes the process a supervisor of two.
WORKERS = (1, 2, 1)
CLIENTS = 6
# So many answers before the first restart, between two, and after the last.
ANSWERS = 60
STOCK = 1_000_000
PRODUCT = {"name": "Oak board", "description": "A board.", "category": "kitchen", "price": "24.90"}
ITEM = {"sku": "OAK-1", "warehouse": "AMS-1", "quantity": STOCK}


class Fleet:
    """The processes, each of which can be started again where it was."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._environment = {
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "TOKEN_SECRET": SECRET,
            # Until the second SIGTERM: how long it takes until all have noticed is for the test to see.
            "DRAIN_SECONDS": "300",
            **PATIENT,
        }
        self._starts = 0
        self.processes = [self._start(free_port(), workers) for workers in WORKERS]

    def start_again(self, number: int) -> None:
        self.processes[number] = self._start(self.processes[number].port, WORKERS[number])

    def stop(self) -> None:
        for process in self.processes:
            process.kill()

    def _start(self, port: int, workers: int) -> Instance:
        self._starts += 1
        folder = self._folder / str(self._starts)
        folder.mkdir()
        environment = {**self._environment, "PORT": str(port), "WORKERS": str(workers)}
        return Instance(folder, "api", "--unchecked", port=port, settings=environment)


class Crowd:
    """Clients that read the catalogue and the stock, and take pieces out of it, one request after the other."""

    def __init__(self, url: str, product_id: int, item_id: int, headers: dict[str, str]) -> None:
        self.statuses: Counter[int] = Counter()
        self.taken = 0
        self.failures: list[str] = []
        self._url, self._headers = url, headers
        self._product, self._item = f"/products/{product_id}", f"/items/{item_id}"

    async def go_on(self) -> None:
        async with httpx2.AsyncClient(base_url=self._url, timeout=120) as client:
            while True:
                await self._ask(client, "GET", self._product)
                await self._ask(client, "GET", self._item)
                await self._ask(client, "POST", f"{self._item}/adjust", json={"delta": -1})
                self.taken += 1
                # Leaves the machine to the processes that start.
                await asyncio.sleep(0.02)

    async def more(self) -> None:
        """Wait until so many more were answered."""
        goal = self.statuses.total() + ANSWERS
        await until(lambda: self.statuses.total() >= goal)

    async def _ask(self, client: httpx2.AsyncClient, method: str, path: str, **request: Any) -> None:
        answer = await client.request(method, path, headers=self._headers, **request)
        self.statuses[answer.status_code] += 1
        if not answer.is_success:
            self.failures.append(answer.text)


@pytest.fixture
def fleet(tmp_path: Path, settings: Settings) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path, settings)
    yield fleet
    fleet.stop()


@pytest.fixture
async def balancer(fleet: Fleet) -> AsyncIterator[Balancer]:
    balancer = Balancer([process.base for process in fleet.processes])
    async with balancer.listening():
        await until(lambda: all(backend.is_ready for backend in balancer.backends))
        yield balancer


async def restart(
    fleet: Fleet, number: int, backend: Backend, postgres: asyncpg.Connection, path: str
) -> None:
    """End a process that is in the middle of a request, which is answered, and start it again."""
    headers = {"Authorization": f"Bearer {Tokens(SECRET, lifetime=900).issue(1, [Scope.CATALOGUE_WRITE])}"}
    process = fleet.processes[number]
    servers = process.servers()
    await until_each_says(200, servers, process.base)
    async with httpx2.AsyncClient(base_url=backend.url, timeout=120) as client:
        async with postgres.transaction():
            await postgres.execute("SELECT FROM products FOR UPDATE")
            held = asyncio.create_task(client.patch(path, json={"price": str(number)}, headers=headers))
            await until_blocked(postgres)
            process.signal(signal.SIGTERM)
            await until(lambda: not (backend.is_ready or backend.in_flight))
            await until_each_says(503, servers, process.base)
            process.signal(signal.SIGTERM)
            await until(lambda: not process.listens())
        assert (await held).status_code == 200
    assert await asyncio.to_thread(process.wait) == (-signal.SIGTERM if len(servers) == 1 else 0)
    assert process.errors == ""
    fleet.start_again(number)
    await until(lambda: backend.is_ready)


async def until_each_says(status: int, servers: list[psutil.Process], url: str) -> None:
    """Until every server of a process has answered so; which of them takes a connection is up to them."""
    said = set[int]()
    async with asyncio.timeout(60):
        while len(said) < len(servers):
            async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
                answer = await client.get("/readyz")
                _, port = answer.extensions["network_stream"].get_extra_info("client_addr")
                if answer.status_code == status:
                    said |= {server.pid for server in servers if is_connected(server, port)}


async def test_a_rolling_restart_under_load_fails_no_request(
    fleet: Fleet, balancer: Balancer, postgres: asyncpg.Connection
) -> None:
    headers = {"Authorization": f"Bearer {Tokens(SECRET, lifetime=900).issue(1, list(Scope))}"}
    async with httpx2.AsyncClient(base_url=balancer.url, timeout=120, headers=headers) as client:
        product = (await client.post("/products", json=PRODUCT)).json()["id"]
        item = (await client.post("/items", json={**ITEM, "product_id": product})).json()["id"]
        crowd = Crowd(balancer.url, product, item, headers)
        clients = [asyncio.create_task(crowd.go_on()) for _ in range(CLIENTS)]
        await crowd.more()
        for number, backend in enumerate(balancer.backends):
            await restart(fleet, number, backend, postgres, f"/products/{product}")
            answered = backend.answered
            await crowd.more()
            assert backend.answered > answered
        for each in clients:
            each.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        left = (await client.get(f"/items/{item}")).json()["quantity"]
    assert crowd.failures == []
    assert set(crowd.statuses) == {200}
    # A client that is cancelled may have taken one that it was not told of.
    assert crowd.taken <= STOCK - left <= crowd.taken + CLIENTS
