"""Everybody who talks to the service while it is hurt, each with ids of its own."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx2

from service.infra.tokens import Scope, Tokens
from tests.faults.history import Exchange, History, Read
from tests.integration.conftest import SECRET
from tests.transport import FragileTransport

REGISTRARS, EDITORS, CLERKS, READERS = 2, 3, 4, 3
# Longer than any deadline of the service: it answers, or is dead.
PATIENCE = 20.0
THINK = 0.12
IN_STOCK = 1000
REVISIONS = 6


@dataclass
class Clients:
    """What they share: the addresses of the APIs, and the history."""

    seed: int
    history: History
    urls: list[str]
    http: httpx2.AsyncClient
    over: asyncio.Event

    @property
    def category(self) -> str:
        return f"seed-{self.seed}"

    def everybody(self) -> list[Awaitable[None]]:
        kinds = ((Registrar, REGISTRARS), (Editor, EDITORS), (Clerk, CLERKS), (Reader, READERS))
        return [kind(self, number).live() for kind, count in kinds for number in range(count)]


@asynccontextmanager
async def clients(seed: int, history: History, urls: list[str]) -> AsyncIterator[Clients]:
    token = Tokens(SECRET, lifetime=3600).issue(1, Scope)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE, transport=FragileTransport()) as http:
        yield Clients(seed, history, urls, http, asyncio.Event())


class Client:
    """Somebody who does one thing after the other until all is over, and finishes the last."""

    def __init__(self, clients: Clients, number: int) -> None:
        self.name = f"{type(self).__name__.lower()}-{clients.seed}-{number}"
        self.draw = random.Random(self.name)
        self.clients, self.history = clients, clients.history

    async def live(self) -> None:
        while not self.clients.over.is_set():
            await self.act()
            await asyncio.sleep(self.draw.uniform(0, THINK))

    async def act(self) -> None:
        raise NotImplementedError

    async def ask(self, method: str, path: str, **request: Any) -> httpx2.Response | None:
        """The answer, unless there is none or it is to come again."""
        url, began_at = self.draw.choice(self.clients.urls), monotonic()
        operation = f"{method} {path.partition('?')[0]}"
        try:
            answer = await self.clients.http.request(method, f"{url}{path}", **request)
        except httpx2.TransportError as error:
            self._note(operation, began_at, 0, type(error).__name__)
            await asyncio.sleep(THINK)
            return None
        if answer.status_code < 500:
            self._note(operation, began_at, answer.status_code)
            return answer
        self._note(operation, began_at, answer.status_code, _title(answer))
        if answer.status_code == 503 and "retry-after" not in answer.headers:
            self.history.surprises.append(f"{operation}: 503 without Retry-After")
        await asyncio.sleep(THINK)
        return None

    async def insist(self, ask: Callable[[], Awaitable[httpx2.Response | None]]) -> httpx2.Response:
        """Send the same again until there is an answer."""
        while (answer := await ask()) is None:
            pass
        return answer

    def surprised(self, what: str, answer: httpx2.Response) -> None:
        self.history.surprises.append(f"{what}: {answer.status_code} {answer.text[:200]}")

    def _note(self, operation: str, began_at: float, status: int, reason: str = "") -> None:
        self.history.exchanges.append(Exchange(operation, began_at, monotonic(), status, reason))


class Registrar(Client):
    """Registers one account after the other."""

    _accounts = 0

    async def act(self) -> None:
        self._accounts += 1
        email = f"{self.name}-{self._accounts}@example.com"
        account = {"email": email, "password": "correct horse battery", "name": "Ada"}
        in_doubt = False
        while (answer := await self.ask("POST", "/register", json=account)) is None:
            in_doubt = True
        if answer.status_code == 201:
            self.history.accounts[email] = answer.json()["id"]
        elif answer.status_code != 409 or not in_doubt:
            self.surprised(f"register {email}", answer)


class Editor(Client):
    """Creates a product with an item, and raises its price by one, again and again: the price is the revision."""

    _products = 0

    async def act(self) -> None:
        self._products += 1
        name = f"{self.name}-{self._products}"
        product = {"name": name, "description": "-", "category": self.clients.category, "price": "0"}
        answer = await self.ask("POST", "/products", json=product)
        if answer is None:
            return  # it may be there: nobody sends this again
        if answer.status_code != 201:
            self.surprised(f"create {name}", answer)
            return
        product_id = answer.json()["id"]
        self.history.products[product_id] = name
        await self._stock(product_id, name)
        for revision in range(1, REVISIONS + 1):
            await self._raise_price(product_id, revision)
            await asyncio.sleep(self.draw.uniform(0, 2 * THINK))
            if self.clients.over.is_set():
                return

    async def _stock(self, product_id: int, name: str) -> None:
        item = {"product_id": product_id, "sku": name.upper(), "warehouse": "AMS-1", "quantity": IN_STOCK}
        answer = await self.ask("POST", "/items", json=item)
        if answer is None:
            return
        if answer.status_code == 201:
            self.history.items[answer.json()["id"]] = IN_STOCK
        else:
            self.surprised(f"create the item {name}", answer)

    async def _raise_price(self, product_id: int, revision: int) -> None:
        known, _ = self.history.prices.get(product_id, (0, 0))
        self.history.prices[product_id] = (known, revision)
        path, change = f"/products/{product_id}", {"price": str(revision)}
        answer = await self.insist(lambda: self.ask("PATCH", path, json=change))
        if answer.status_code != 200:
            self.surprised(path, answer)
            return
        self.history.growth.acknowledge(f"product {product_id}", revision)
        self.history.prices[product_id] = (revision, revision)


class Clerk(Client):
    """Adds one piece to an item under a key, asks again under the same key until there is an answer, and sometimes after it."""

    _keys = 0

    async def act(self) -> None:
        if not self.history.items:
            return
        self._keys += 1
        key, item_id = f"{self.name}-{self._keys}", self.draw.choice([*self.history.items])
        self.history.keys[key] = item_id
        for _ in range(self.draw.choice((1, 1, 1, 2))):
            await self._adjust(item_id, key)

    async def _adjust(self, item_id: int, key: str) -> None:
        path, change = f"/items/{item_id}/adjust", {"delta": 1}
        while True:
            answer = await self.insist(
                lambda: self.ask("POST", path, json=change, headers={"Idempotency-Key": key})
            )
            if answer.status_code == 409 and "in flight" in answer.text:
                await asyncio.sleep(THINK)
                continue
            break
        if answer.status_code != 200:
            self.surprised(f"adjust under {key}", answer)
            return
        quantity = answer.json()["quantity"]
        self.history.told[key].add(quantity)
        self.history.growth.acknowledge(f"item {item_id}", quantity)


class Reader(Client):
    """Reads products, pages of them, and stock."""

    async def act(self) -> None:
        began_at = monotonic()
        match self.draw.choice(("product", "page", "item")):
            case "product" if self.history.products:
                product_id = self.draw.choice([*self.history.products])
                answer = await self.ask("GET", f"/products/{product_id}")
                self._read(began_at, "product", answer, lambda found: [found])
            case "page":
                answer = await self.ask("GET", f"/products?category={self.clients.category}&limit=100")
                self._read(began_at, "product", answer, lambda found: found["products"])
            case "item" if self.history.items:
                answer = await self.ask("GET", f"/items/{self.draw.choice([*self.history.items])}")
                self._read(began_at, "item", answer, lambda found: [found])
            case _:
                return

    def _read(
        self, began_at: float, kind: str, answer: httpx2.Response | None, each: Callable[[Any], list[Any]]
    ) -> None:
        if answer is None:
            return
        if answer.status_code != 200:
            self.surprised(f"read a {kind}", answer)
            return
        for found in each(answer.json()):
            revision = int(float(found["price"])) if kind == "product" else int(found["quantity"])
            self.history.growth.reads.append(Read(f"{kind} {found['id']}", began_at, revision))


def _title(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["title"])
    except (ValueError, KeyError):
        return answer.text[:80]
