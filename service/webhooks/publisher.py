"""Events of other features, on their way to webhooks."""

from datetime import UTC, datetime

from pydantic import BaseModel, SerializeAsAny
from sqlalchemy.ext.asyncio import AsyncSession

from service.infra.events import Event, EventType
from service.infra.jobs.queue import enqueue_all
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
        jobs = await self._deliveries.publish(session, event.type, _body(event))
        await enqueue_all(session, jobs, idempotency_keys=[job.key for job in jobs])


def _body(event: Event) -> str:
    """What is signed and sent, to everybody and in every attempt."""
    return _Body(type=event.type, timestamp=datetime.now(UTC), data=event.data).model_dump_json()
