import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from service.infra.database import Database
from service.infra.jobs.handlers import JobContext
from service.infra.outgoing.resolver import SystemResolver
from service.settings import Settings
from service.webhooks.deliveries import DeliveryRepository
from service.webhooks.delivery import WebhookDelivery
from service.webhooks.jobs import DeliverWebhook
from service.webhooks.sender import Sender
from service.webhooks.targets import Targets
from tests.integration.conftest import Api
from tests.integration.webhooks.receiver import Receiver, receiving

ALL_EVENTS = ("product.created", "product.deleted", "product.updated")


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    """Receivers are on this machine."""
    return settings.model_copy(update={"webhook_allow_private": True})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@dataclass(frozen=True, slots=True)
class Owner:
    """An account, and what it does with its webhooks."""

    api: Api
    user_id: int

    @classmethod
    async def new(cls, api: Api) -> "Owner":
        email = f"{uuid.uuid4().hex}@example.com"
        answer = await api.client.post(
            "/register", json={"email": email, "password": "long passphrase", "name": "Ada"}
        )
        return cls(api, answer.json()["id"])

    @property
    def headers(self) -> dict[str, str]:
        return self.api.headers("webhooks:manage", user_id=self.user_id)

    async def subscribe(self, url: str, *events: str) -> dict[str, Any]:
        new = {"url": url, "events": events or ALL_EVENTS}
        answer = await self.api.client.post("/webhooks", json=new, headers=self.headers)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    async def unsubscribe(self, webhook_id: int) -> None:
        answer = await self.api.client.delete(f"/webhooks/{webhook_id}", headers=self.headers)
        assert answer.status_code == 204, answer.text

    async def deliveries(self, webhook_id: int, **query: Any) -> list[dict[str, Any]]:
        """Latest first."""
        path = f"/webhooks/{webhook_id}/deliveries"
        answer = await self.api.client.get(path, params=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        deliveries: list[dict[str, Any]] = answer.json()["deliveries"]
        return deliveries

    async def redeliver(self, webhook_id: int, delivery_id: int) -> dict[str, Any]:
        path = f"/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver"
        answer = await self.api.client.post(path, headers=self.headers)
        assert answer.status_code == 202, answer.text
        delivery: dict[str, Any] = answer.json()
        return delivery


@pytest.fixture
async def owner(api: Api, postgres: asyncpg.Connection) -> AsyncIterator[Owner]:
    """Nobody else listens, and nothing waits."""
    yield await Owner.new(api)
    await postgres.execute("TRUNCATE webhook_subscriptions, webhook_events CASCADE")
    await postgres.execute("DELETE FROM pgqueuer")


@dataclass(frozen=True, slots=True)
class Task:
    """A job as a worker gets it."""

    job: DeliverWebhook
    context: JobContext


@dataclass(frozen=True, slots=True)
class Worker:
    """Does what waits in the queue, and does not wait itself."""

    postgres: asyncpg.Connection
    delivery: WebhookDelivery

    async def tasks(self) -> list[Task]:
        """Take all that waits, whenever it is to be done."""
        rows = await self.postgres.fetch(
            "WITH taken AS (DELETE FROM pgqueuer WHERE entrypoint = 'deliver_webhook' RETURNING *) "
            "SELECT * FROM taken ORDER BY id"
        )
        return [_task(row) for row in rows]

    async def work(self) -> int:
        """Do once what waits now, and say how much that was."""
        tasks = await self.tasks()
        for task in tasks:
            await self.run(task)
        return len(tasks)

    async def run(self, task: Task) -> None:
        await self.delivery.deliver(task.job, task.context)


def _task(row: asyncpg.Record) -> Task:
    headers = json.loads(row["headers"] or "{}")
    job = DeliverWebhook.model_validate_json(row["payload"])
    return Task(job, JobContext(job_id=row["id"], attempt=1, attempts=job.retry.attempts, headers=headers))


@pytest.fixture(scope="module")
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings)
    yield database
    await database.close()


@pytest.fixture
async def worker(database: Database, postgres: asyncpg.Connection) -> AsyncIterator[Worker]:
    sender = Sender(SystemResolver(), timeout=60, allow_private=True)
    yield Worker(postgres, WebhookDelivery(database, DeliveryRepository(database), sender, Targets()))
    await sender.close()
