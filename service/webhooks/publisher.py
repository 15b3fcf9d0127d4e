"""Events of other features, on their way to webhooks."""

import json
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from service.infra.events import Event
from service.infra.jobs.queue import enqueue
from service.webhooks.deliveries import DeliveryRepository


class WebhookEvents:
    """Lets every webhook that listens hear of an event, if the transaction commits."""

    def __init__(self, deliveries: DeliveryRepository) -> None:
        self._deliveries = deliveries

    async def publish(self, session: AsyncSession, event: Event) -> None:
        for job in await self._deliveries.publish(session, event.type, _body(event)):
            await enqueue(session, job, idempotency_key=job.key)


def _body(event: Event) -> str:
    """What is signed and sent, to everybody and in every attempt."""
    message = {
        "type": event.type,
        "timestamp": datetime.now(UTC).isoformat(),
        "data": event.data.model_dump(mode="json"),
    }
    return json.dumps(message, separators=(",", ":"))
