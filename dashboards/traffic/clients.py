"""Those who come every day."""

import struct
import zlib
from typing import Any
from uuid import uuid4

from locust import between, task

from dashboards.traffic.client import ITEMS, PRODUCTS, Client, Operator, dice, popular

CATEGORIES = ("kitchen", "garden", "office", "lighting")
WORDS = ("board", "oak", "steel", "lamp", "chair", "linen", "glass", "tent")
PICTURE_SIZE = 64


class Reader(Client):
    """Browses, searches, and looks at products and their stock. Most of all requests."""

    weight = 12
    wait_time = between(0.05, 0.5)

    @task(6)
    def browse(self) -> None:
        path, right = "/products?limit=20", (200,)
        for _ in range(dice.randint(1, 3)):
            page = self.ask("GET", path, route="/products", right=right)
            cursor = page.json().get("next_cursor") if page.status_code in right else None
            if not cursor:
                return
            path = f"/products?limit=20&cursor={cursor}"

    @task(3)
    def search(self) -> None:
        self.ask("GET", f"/products?q={dice.choice(WORDS)}", route="/products?q=")

    @task(2)
    def filter(self) -> None:
        self.ask("GET", f"/products?category={dice.choice(CATEGORIES)}", route="/products?category=")

    @task(8)
    def look_at_a_product(self) -> None:
        product = popular(PRODUCTS)
        answer = self.ask("GET", f"/products/{product}", route="/products/{product_id}", right=(200, 404))
        etag = answer.headers.get("etag") if answer.headers else None
        if etag and dice.random() < 0.3:  # noqa: PLR2004
            self.ask(
                "GET",
                f"/products/{product}",
                route="/products/{product_id} again",
                right=(200, 304),
                headers={"If-None-Match": etag},
            )
        self.ask("GET", f"/items?product_id={product}", route="/items?product_id=")

    @task(5)
    def look_at_the_stock(self) -> None:
        self.ask("GET", f"/items/{popular(ITEMS)}", route="/items/{item_id}", right=(200, 404))


class Shopkeeper(Operator):
    """Changes stock, prices and pictures."""

    weight = 2
    wait_time = between(0.2, 1.0)

    @task(6)
    def adjust_stock(self) -> None:
        change: dict[str, Any] = {
            "route": "/items/{item_id}/adjust",
            "json": {"delta": dice.choice((-2, -1, 3))},
            "headers": {"Idempotency-Key": str(uuid4())},
            "right": (200, 404, 409),
        }
        path = f"/items/{popular(ITEMS)}/adjust"
        self.write("POST", path, **change)
        if dice.random() < 0.1:  # noqa: PLR2004
            self.write("POST", path, **change)  # as after an answer that was lost

    @task(2)
    def change_a_price(self) -> None:
        self.write(
            "PATCH",
            f"/products/{popular(PRODUCTS)}",
            route="/products/{product_id}",
            json={"price": f"{dice.uniform(5, 90):.2f}"},
            right=(200, 404),
        )

    @task(1)
    def upload_a_picture(self) -> None:
        self.write(
            "PUT",
            f"/products/{popular(PRODUCTS)}/image",
            route="/products/{product_id}/image",
            data=picture(),
            headers={"Content-Type": "image/png"},
            right=(202, 404),
        )


class Newcomer(Client):
    """Registers; sometimes with an address that is taken. The service lets only so many in a minute."""

    weight = 1
    wait_time = between(2, 6)

    @task(4)
    def register(self) -> None:
        self._register(f"{uuid4().hex}@example.com", right=(201, 429))

    @task(1)
    def register_again(self) -> None:
        self._register("reader@example.com", right=(409, 429))

    def _register(self, email: str, *, right: tuple[int, ...]) -> None:
        account = {"email": email, "password": uuid4().hex, "name": "Nora Newcomer"}
        self.ask("POST", "/register", json=account, right=right)


class Clumsy(Client):
    """Gets it wrong: limits, ids, paths, tokens. Every answer is a 4xx that says why."""

    weight = 1
    wait_time = between(0.3, 1.5)

    @task
    def ask_for_too_much(self) -> None:
        self.ask("GET", "/products?limit=1000", right=(422,))

    @task
    def ask_for_what_is_not_there(self) -> None:
        self.ask("GET", "/items/999999999", right=(404,))

    @task
    def ask_nobody(self) -> None:
        self.ask("GET", "/nowhere", right=(404,))

    @task
    def write_without_a_token(self) -> None:
        self.ask("POST", "/items/1/adjust", json={"delta": 1}, right=(401,))


def picture() -> bytes:
    """A PNG of one colour, another one each time."""
    line = b"\x00" + bytes(dice.randrange(256) for _ in range(3)) * PICTURE_SIZE
    header = struct.pack(">IIBBBBB", PICTURE_SIZE, PICTURE_SIZE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(line * PICTURE_SIZE)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
