"""Many readers and writers over several processes, whose history is held against the promise of docs/adr/0008."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import httpx2
import pytest

from service.infra.embedded.child import Child
from service.infra.embedded.ports import answers, free_port
from service.infra.tokens import Scope, Tokens
from service.settings import Settings
from tests.faults.conftest import FragileValkey
from tests.faults.history import Growth, Read
from tests.integration.conftest import SECRET

PROCESSES = 3
PRODUCTS = 4
READERS = 6
# Seconds: what is promised while Redis comes and goes, and what a busy machine may add to it.
BOUND, PATIENCE = 2.0, 3.0


class Clients:
    """Everybody who talks to the processes."""

    def __init__(self, http: httpx2.AsyncClient, urls: list[str], seed: int) -> None:
        self.growth = Growth()
        self.failures: list[str] = []
        self.product_ids: list[int] = []
        self.over = asyncio.Event()
        self._http = http
        self._urls = urls
        self._random = random.Random(seed)
        tokens = Tokens(SECRET, lifetime=900)
        self._writer = {"Authorization": f"Bearer {tokens.issue(1, [Scope.CATALOGUE_WRITE])}"}

    async def prepare(self) -> None:
        for number in range(PRODUCTS):
            product = {"name": f"Product {number}", "description": "-", "category": "kitchen", "price": "0"}
            answer = await self._http.post(f"{self._urls[0]}/products", json=product, headers=self._writer)
            assert answer.status_code == 201, answer.text
            self.product_ids.append(answer.json()["id"])

    async def write(self, product_id: int) -> None:
        """Raise the price by one, again and again: the price is the revision."""
        revision = 0
        while not self.over.is_set():
            revision += 1
            answer = await self._asked("PATCH", f"/products/{product_id}", json={"price": str(revision)})
            if answer is not None:
                self.growth.acknowledge(f"product {product_id}", revision)
            await asyncio.sleep(self._random.uniform(0, 0.15))

    async def read(self) -> None:
        """Read a product, or the page with all of them, from whichever process."""
        while not self.over.is_set():
            product_id = self._random.choice([*self.product_ids, 0])
            began_at = monotonic()
            answer = await self._asked(
                "GET", f"/products/{product_id}" if product_id else "/products?limit=100"
            )
            if answer is None:
                continue
            products = [answer.json()] if product_id else answer.json()["products"]
            for product in products:
                revision = int(float(product["price"]))
                self.growth.reads.append(Read(f"product {product['id']}", began_at, revision))

    async def _asked(self, method: str, path: str, **request: object) -> httpx2.Response | None:
        url = f"{self._random.choice(self._urls)}{path}"
        answer = await self._http.request(method, url, headers=self._writer, **request)  # type: ignore[arg-type]
        if answer.status_code != 200:
            self.failures.append(f"{method} {path}: {answer.status_code} {answer.text}")
            return None
        return answer


@pytest.fixture
def urls(fragile: Settings, tmp_path: Path) -> Iterator[list[str]]:
    """Processes of the service, as `python -m service api` starts them."""
    with ExitStack() as stack:
        ports = [free_port() for _ in range(PROCESSES)]
        children = [
            Child(f"API {port}", log=tmp_path / f"api-{port}.log", pid_file=tmp_path / f"api-{port}.pid")
            for port in ports
        ]
        for child, port in zip(children, ports, strict=True):
            environment = {
                **os.environ,
                "DATABASE_URL": fragile.database_url,
                "REDIS_URL": fragile.redis_url,
                "TOKEN_SECRET": SECRET,
                "PORT": str(port),
            }
            child.spawn([sys.executable, "-m", "service", "api"], env=environment)
            stack.callback(child.stop)
        for child, port in zip(children, ports, strict=True):
            child.wait_until(lambda port=port: _is_ready(port), seconds=60)  # type: ignore[misc]
        yield [f"http://127.0.0.1:{port}" for port in ports]


def _is_ready(port: int) -> bool:
    return answers(port, b"GET /readyz HTTP/1.0\r\n\r\n", b"HTTP/1.1 200")


@pytest.fixture
async def clients(urls: list[str]) -> AsyncIterator[Clients]:
    async with httpx2.AsyncClient(timeout=30) as http:
        clients = Clients(http, urls, seed=11)
        await clients.prepare()
        yield clients


async def test_no_read_is_older_than_promised_while_redis_comes_and_goes(
    clients: Clients, valkey: FragileValkey
) -> None:
    async with asyncio.TaskGroup() as group:
        for product_id in clients.product_ids:
            group.create_task(clients.write(product_id))
        for _ in range(READERS):
            group.create_task(clients.read())
        await asyncio.sleep(1)
        for _ in range(2):
            valkey.freeze()
            await asyncio.sleep(0.7)
            valkey.thaw()
            await asyncio.sleep(0.7)
            valkey.kill()
            await asyncio.sleep(0.5)
            valkey.start()
            await asyncio.sleep(0.7)
        clients.over.set()
    growth = clients.growth
    assert not clients.failures
    assert len(growth.reads) > 100
    assert all(len(growth.acknowledged[f"product {product_id}"]) > 3 for product_id in clients.product_ids)
    assert not growth.too_old(BOUND + PATIENCE)


def test_a_read_that_is_too_old_is_found() -> None:
    growth = Growth()
    growth.acknowledged["product 1"] = [(10.0, 1), (20.0, 2)]
    growth.reads = [Read("product 1", 21.9, 1), Read("product 1", 22.1, 2), Read("product 1", 9.0, 0)]
    assert growth.too_old(2.0) == []
    growth.reads.append(stale := Read("product 1", 22.1, 1))
    assert growth.too_old(2.0) == [stale]
