"""Everybody who uses the service while it is watched: the well-behaved, the new, the wrong, and those who hang up."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from typing import Any, ClassVar

import httpx2
from PIL import Image

from service.infra.tokens import Scope, Tokens
from tests.integration.conftest import SECRET
from tests.integration.webhooks.receiver import Receiver
from tests.transport import NOT_KEPT, FragileTransport

PRODUCTS = 60
STOCK = 1_000_000
PASSWORD = "correct horse battery"
PATIENCE = 30.0
# After a process died under a request.
PAUSE = 0.2
CATEGORIES = ("kitchen", "garden", "office", "lighting")


def new_picture() -> bytes:
    """A PNG."""
    content = BytesIO()
    Image.new("RGB", (64, 64), "olive").save(content, "PNG")
    return content.getvalue()


@dataclass
class Crowd:
    """What the clients share, and what became of their requests."""

    url: str
    port: int
    rights: dict[str, str]
    kept: httpx2.AsyncClient
    fresh: httpx2.AsyncClient
    outcomes: Counter[str] = field(default_factory=Counter)
    products: list[int] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    # Gives what nobody has asked for before.
    numbers: "count[int]" = field(default_factory=count)
    picture: bytes = field(default_factory=new_picture)

    async def settle(self, webhook: str) -> None:
        """Make the catalogue, and let somebody hear of it."""
        await self._make("/webhooks", {"url": webhook, "events": ["product.created", "product.updated"]})
        for number in range(PRODUCTS):
            product = await self._make("/products", new_product(number))
            self.products.append(product)
            self.items.append(await self._make("/items", new_item(product, number)))

    def lives(self) -> Iterable["Client"]:
        return [kind(self, number) for kind in KINDS for number in range(kind.how_many)]

    async def _make(self, path: str, what: dict[str, Any]) -> int:
        return await made(self.fresh, f"{self.url}{path}", what, self.rights)


async def made(
    http: httpx2.AsyncClient, url: str, what: dict[str, Any], rights: dict[str, str] | None = None
) -> int:
    """The id of what is there now; a machine that is busy with other things may have to be asked again."""
    while (answer := await http.post(url, json=what, headers=rights)).status_code == 503:  # noqa: ASYNC110 (it alone knows)
        await asyncio.sleep(PAUSE)
    return int(answer.raise_for_status().json()["id"])


def new_product(number: int) -> dict[str, Any]:
    return {
        "name": f"Oak board {number}",
        "description": "A board with a groove. " * 10,
        "category": CATEGORIES[number % len(CATEGORIES)],
        "price": f"{number % 90 + 5}.90",
    }


def new_item(product: int, number: int) -> dict[str, Any]:
    return {"product_id": product, "sku": f"SOAK-{number}", "warehouse": "AMS-1", "quantity": STOCK}


@asynccontextmanager
async def crowd(port: int, *, seconds: float) -> AsyncIterator[Crowd]:
    """Clients of the API on this port, whose rights last so long."""
    url = f"http://127.0.0.1:{port}"
    async with (
        httpx2.AsyncClient(timeout=PATIENCE, transport=FragileTransport()) as kept,
        httpx2.AsyncClient(timeout=PATIENCE, transport=FragileTransport(limits=NOT_KEPT)) as fresh,
    ):
        owner = {"email": "owner@example.com", "password": PASSWORD, "name": "Ada"}
        user_id = await made(fresh, f"{url}/register", owner)
        token = Tokens(SECRET, lifetime=seconds).issue(user_id, Scope)
        yield Crowd(url, port, {"Authorization": f"Bearer {token}"}, kept, fresh)


class Client:
    """Somebody who does one thing after the other, with pauses, until it is cancelled."""

    how_many: ClassVar[int] = 1
    # Seconds between two things, on average.
    pause: ClassVar[float] = 0.2

    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd = crowd
        self.draw = random.Random(f"{type(self).__name__}-{number}")

    async def live(self) -> None:
        while True:
            await self.act()
            await asyncio.sleep(self.draw.uniform(0, 2 * self.pause))

    async def act(self) -> None:
        raise NotImplementedError

    async def ask(
        self, method: str, path: str, *, on: httpx2.AsyncClient | None = None, **request: Any
    ) -> httpx2.Response | None:
        """The answer, None when there is none; on a connection that is kept, unless on another client's."""
        try:
            answer = await (on or self.crowd.kept).request(method, f"{self.crowd.url}{path}", **request)
        except httpx2.TransportError:
            self.crowd.outcomes["no answer"] += 1
            await asyncio.sleep(PAUSE)
            return None
        self.crowd.outcomes[f"{answer.status_code // 100}xx"] += 1
        return answer

    async def write(self, method: str, path: str, **request: Any) -> httpx2.Response | None:
        """The same as somebody who may."""
        headers = {**self.crowd.rights, **request.pop("headers", {})}
        return await self.ask(method, path, headers=headers, **request)

    def new_search(self) -> str:
        word = self.draw.choice(("oak", "groove", "nothing"))
        return f"/products?q={word}&max_price={1000 + next(self.crowd.numbers) / 100:.2f}&limit=20"

    def product(self) -> str:
        return f"/products/{self.draw.choice(self.crowd.products)}"


class Reader(Client):
    """Asks again for what others have asked for."""

    how_many, pause = 4, 0.2

    async def act(self) -> None:
        item = self.draw.choice(self.crowd.items)
        category = self.draw.choice(CATEGORIES)
        paths = (self.product(), f"/items/{item}", f"/products?category={category}&limit=20")
        await self.ask("GET", self.draw.choice(paths))


class Visitor(Client):
    """Opens a connection for each request."""

    how_many, pause = 2, 0.2

    async def act(self) -> None:
        await self.ask(self.draw.choice(("GET", "HEAD")), self.product(), on=self.crowd.fresh)


class Searcher(Client):
    """Asks for what nobody has asked for: no cache has it, and every cache takes it in."""

    how_many, pause = 3, 0.3

    async def act(self) -> None:
        await self.ask("GET", self.new_search())


class Newcomer(Client):
    """Registers, gets a token, looks at the own profile, and never comes back."""

    how_many, pause = 1, 4.0

    async def act(self) -> None:
        email = f"newcomer-{next(self.crowd.numbers)}@example.com"
        account = {"email": email, "password": PASSWORD, "name": "Ada"}
        await self.ask("POST", "/register", json=account, on=self.crowd.fresh)
        form = {"grant_type": "password", "username": email, "password": PASSWORD}
        answer = await self.ask("POST", "/token", data=form, on=self.crowd.fresh)
        if answer is not None and answer.is_success:
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            await self.ask("GET", "/me", headers=headers, on=self.crowd.fresh)


class Editor(Client):
    """Changes products; at times gives one a picture, or creates one and deletes it."""

    how_many, pause = 2, 0.8

    async def act(self) -> None:
        number = next(self.crowd.numbers)
        match self.draw.choice(("change",) * 7 + ("create",) * 2 + ("picture",)):
            case "change":
                await self.write("PATCH", self.product(), json={"price": f"{number % 90 + 5}.50"})
            case "create":
                answer = await self.write("POST", "/products", json=new_product(number))
                if answer is not None and answer.is_success:
                    await self.write("DELETE", f"/products/{answer.json()['id']}")
            case _:
                headers = {"Content-Type": "image/png"}
                await self.write(
                    "PUT", f"{self.product()}/image", content=self.crowd.picture, headers=headers
                )


class Clerk(Client):
    """Takes pieces out of the stock and puts them back, each time under a new key, and at times twice."""

    how_many, pause = 2, 0.3

    async def act(self) -> None:
        path = f"/items/{self.draw.choice(self.crowd.items)}/adjust"
        headers = {"Idempotency-Key": f"soak-{next(self.crowd.numbers)}"}
        change = {"delta": self.draw.choice((-1, 1))}
        for _ in range(self.draw.choice((1, 1, 1, 2))):
            await self.write("POST", path, json=change, headers=headers)


class Blunderer(Client):
    """Asks for what is refused, each time something else."""

    how_many, pause = 1, 0.2

    async def act(self) -> None:
        number = next(self.crowd.numbers)
        bad_token = {"Authorization": f"Bearer {number}"}
        mistakes: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("GET", f"/nowhere/{number}", {}),
            ("GET", f"/products/{10**9 + number}", {}),
            ("GET", f"/products?limit={number + 1000}", {}),
            ("DELETE", f"/products/{number}", {"headers": bad_token}),
            ("POST", "/products", {"json": {"name": str(number)}, "headers": self.crowd.rights}),
            ("PUT", "/products", {}),
            (f"BREW{number}", "/products", {}),
            ("POST", "/register", {"content": b"x" * 1_100_000}),
            ("GET", "/products", {"headers": {f"X-Unknown-{number}": "1"}}),
        )
        method, path, request = self.draw.choice(mistakes)
        await self.ask(method, path, on=self.crowd.fresh, **request)


class Deserter(Client):
    """Hangs up: before the answer, in the middle of a head or of a body; at times with a reset."""

    how_many, pause = 2, 0.2

    async def act(self) -> None:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.crowd.port)
            try:
                writer.write(self._beginning())
                await asyncio.sleep(self.draw.choice((0.0, 0.002, 0.01)))
                if self.draw.random() < 0.5:
                    writer.transport.abort()
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
        self.crowd.outcomes["aborted"] += 1

    def _beginning(self) -> bytes:
        number = next(self.crowd.numbers)
        rights = "".join(f"{name}: {value}\r\n" for name, value in self.crowd.rights.items())
        path = f"/items/{self.draw.choice(self.crowd.items)}/adjust"
        beginnings = (
            f"GET {self.new_search()} HTTP/1.1\r\nHost: soak\r\n\r\n",
            f'POST {path} HTTP/1.1\r\nHost: soak\r\n{rights}Content-Type: application/json\r\nContent-Length: 11\r\n\r\n{{"delta": 1}}',
            f"GET /products/{number} HTTP/1.1\r\nHost: so",
            f"POST /register HTTP/1.1\r\nHost: soak\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{number}",
        )
        return self.draw.choice(beginnings).encode()


KINDS: tuple[type[Client], ...] = (
    Reader,
    Visitor,
    Searcher,
    Newcomer,
    Editor,
    Clerk,
    Blunderer,
    Deserter,
)


async def forget(receiver: Receiver) -> None:
    """What webhooks told is of no interest, and must not fill the memory of those who watch."""
    while True:
        receiver.received.clear()
        await asyncio.sleep(1)
