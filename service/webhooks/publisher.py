"""Events of other features, on their way to webhooks."""

from datetime import UTC, datetime

from pydantic import BaseModel, SerializeAsAny
from sqlalchemy.ext.asyncio import AsyncSession

from service.infra.events import Event, EventType
from service.infra.jobs.queue import enqueue
from service.webhooks.deliveries import DeliveryRepository


class _Body(BaseModel):
    type: EventType
    timestamp: datetime
    data: SerializeAsAny[BaseModel]


class WebhookEvents:
    """Lets every webhook that listens hear of an event, if the transaction commits."""

    def __init__(self, deliveries: DeliveryRepository) -> None:
        self._deliveries = deliveries

    async def publish(self, session: AsyncSession, event: Event) -> None:
        for job in await self._deliveries.publish(session, event.type, _body(event)):
            await enqueue(session, job, idempotency_key=job.key)


def _body(event: Event) -> str:
    """What is signed and sent, to everybody and in every attempt."""
    return _Body(type=event.type, timestamp=datetime.now(UTC), data=event.data).model_dump_json()
