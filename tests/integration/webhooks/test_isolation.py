"""One target that does not answer delays nobody, on a real worker."""

import asyncio

from observability.setup import instrument_worker
from service.infra.database import Database, autocommit_engine
from service.infra.jobs.broker import queries_on
from service.infra.jobs.handlers import Handlers
from service.infra.jobs.worker import Worker as JobWorker
from service.infra.outgoing.resolver import SystemResolver
from service.settings import Settings
from service.webhooks.deliveries import DeliveryRepository
from service.webhooks.delivery import WebhookDelivery
from service.webhooks.jobs import DeliverWebhook
from service.webhooks.sender import Sender
from service.webhooks.targets import UNKNOWN, Targets
from tests.integration.conftest import Api
from tests.integration.jobs.conftest import until
from tests.integration.webhooks.conftest import Owner
from tests.integration.webhooks.receiver import Receiver, receiving, silence

EVENTS = 10


async def test_a_target_that_does_not_answer_does_not_delay_another(
    api: Api, owner: Owner, settings: Settings, database: Database, receiver: Receiver
) -> None:
    # For as long as the test lasts, each call of it holds its seat.
    sender = Sender(SystemResolver(), timeout=600, allow_private=True)
    handlers = Handlers()
    delivery = WebhookDelivery(database, DeliveryRepository(database), sender, Targets())
    handlers.add(DeliverWebhook, delivery.deliver)
    engine = autocommit_engine(settings, "queue", 5)
    telemetry = instrument_worker(service_name="tests", engine={"queue": engine})
    worker = JobWorker(
        queries_on(engine), handlers, telemetry.measured_task, concurrency=UNKNOWN + 1, lease=60, drain=60
    )
    async with receiving() as dead:
        dead.answer = silence
        await owner.subscribe(dead.url)
        webhook = await owner.subscribe(receiver.url)
        for _ in range(EVENTS):
            await api.create_product()
        running = asyncio.create_task(worker.run())

        async def all_delivered() -> bool:
            return len(await owner.deliveries(webhook["id"], status="delivered")) == EVENTS

        await until(all_delivered)
        assert dead.connections == UNKNOWN
        worker.stop()
        worker.stop()
        await running
    await engine.dispose()
    await sender.close()
    assert len(receiver.received) == EVENTS
