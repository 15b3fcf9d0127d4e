"""What is so in the end: in PostgreSQL, in mailboxes and at those who receive webhooks."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

import asyncpg

from tests.faults.house import House

# For all jobs to end, with a lease that may have to run out before.
DEADLINE = 90.0
_JOBS = "SELECT entrypoint, status::text FROM pgqueuer"
_DELIVERIES = "SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'"


@dataclass(frozen=True, slots=True)
class Truth:
    """Of one seed.

    Attributes:
        users: The ids of each e-mail address.
        products: Name and price by id.
        items: Quantity by id.
        keys: Idempotency keys that had their effect.
        mails: The message ids that came to each address, one for each message.
        webhooks: The webhook ids that told of each product.
        waiting: Jobs that have not ended.
        held: Jobs that have failed for good and are kept.
    """

    users: Mapping[str, list[int]]
    products: Mapping[int, tuple[str, int]]
    items: Mapping[int, int]
    keys: frozenset[str]
    mails: Mapping[str, list[str]]
    webhooks: Mapping[int, list[str]]
    waiting: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


async def settled(house: House, seed: int) -> Truth:
    """The truth, as soon as nothing waits for a worker any more, or that has taken too long."""
    connection = await asyncpg.connect(house.database_url)
    try:
        waiting = await _when_jobs_end(connection)
        return await _truth(house, connection, seed, waiting)
    finally:
        await connection.close()


async def _when_jobs_end(connection: asyncpg.Connection) -> tuple[str, ...]:
    deadline = monotonic() + DEADLINE
    while True:
        waiting = [row["entrypoint"] for row in await connection.fetch(_JOBS) if row["status"] != "failed"]
        if not waiting and await connection.fetchval(_DELIVERIES):
            waiting = ["a delivery"]
        if not waiting or monotonic() > deadline:
            return tuple(waiting)
        await asyncio.sleep(0.1)


async def _truth(house: House, connection: asyncpg.Connection, seed: int, waiting: tuple[str, ...]) -> Truth:
    users = defaultdict[str, list[int]](list)
    for row in await connection.fetch(
        "SELECT id, email FROM users WHERE email LIKE $1", f"registrar-{seed}-%"
    ):
        users[row["email"]].append(row["id"])
    products = await connection.fetch(
        "SELECT id, name, price FROM products WHERE category = $1", f"seed-{seed}"
    )
    items = await connection.fetch("SELECT id, quantity FROM items WHERE sku LIKE $1", f"EDITOR-{seed}-%")
    keys = await connection.fetch("SELECT key FROM idempotency_keys WHERE key LIKE $1", f"clerk-{seed}-%")
    return Truth(
        users=users,
        products={row["id"]: (row["name"], int(row["price"])) for row in products},
        items={row["id"]: row["quantity"] for row in items},
        keys=frozenset(row["key"] for row in keys),
        mails=_mails(house, seed),
        webhooks=_webhooks(house, seed),
        waiting=waiting,
        held=tuple(row["entrypoint"] for row in await connection.fetch(_JOBS) if row["status"] == "failed"),
    )


def _mails(house: House, seed: int) -> Mapping[str, list[str]]:
    received = defaultdict[str, list[str]](list)
    for name in house.mails.names():
        message = house.mails.read(name)
        if message is not None and message["To"].startswith(f"registrar-{seed}-"):
            received[message["To"]].append(message["Message-ID"])
    return received


def _webhooks(house: House, seed: int) -> Mapping[int, list[str]]:
    told = defaultdict[int, list[str]](list)
    for received in house.webhooks.received:
        product = json.loads(received.body)["data"]
        if product["category"] == f"seed-{seed}":
            told[product["id"]].append(received.headers["webhook-id"])
    return told
