from service.infra import cursors
from service.infra.database import Database
from service.infra.jobs.queue import enqueue
from service.webhooks import signing
from service.webhooks.deliveries import DeliveryRepository
from service.webhooks.errors import DeliveryNotFound, PrivateTarget, TooManyWebhooks, WebhookNotFound
from service.webhooks.repository import WebhookRepository
from service.webhooks.schemas import (
    MAX_WEBHOOKS,
    CreatedWebhook,
    Delivery,
    DeliveryPage,
    DeliveryQuery,
    NewWebhook,
    Webhook,
)
from service.webhooks.target import host_of, is_private


class WebhookService:
    """What an account can do with its webhooks."""

    def __init__(
        self,
        database: Database,
        webhooks: WebhookRepository,
        deliveries: DeliveryRepository,
        *,
        allow_private: bool,
    ) -> None:
        self._database = database
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._allow_private = allow_private

    async def create(self, user_id: int, webhook: NewWebhook) -> CreatedWebhook:
        host = host_of(webhook.url)
        if not self._allow_private and is_private(host):
            raise PrivateTarget(host)
        secret = signing.new_secret()
        async with self._database.transaction() as session:
            if await self._webhooks.lock_and_count(session, user_id) >= MAX_WEBHOOKS:
                raise TooManyWebhooks(MAX_WEBHOOKS)
            created = await self._webhooks.add(session, user_id, webhook, secret)
        return CreatedWebhook(**created.model_dump(), secret=signing.spelled(secret))

    async def of_user(self, user_id: int) -> list[Webhook]:
        return await self._webhooks.of_user(user_id)

    async def delete(self, user_id: int, webhook_id: int) -> None:
        """Deliveries that are under way end without another attempt."""
        async with self._database.transaction() as session:
            if not await self._webhooks.delete(session, user_id, webhook_id):
                raise WebhookNotFound(webhook_id)

    async def deliveries(self, user_id: int, webhook_id: int, query: DeliveryQuery) -> DeliveryPage:
        await self._require_owned(user_id, webhook_id)
        found = await self._deliveries.page(webhook_id, query)
        page, more = found[: query.limit], found[query.limit :]
        return DeliveryPage(deliveries=page, next_cursor=cursors.encode(page[-1].id) if more else None)

    async def redeliver(self, user_id: int, webhook_id: int, delivery_id: int) -> Delivery:
        """Begin again with all attempts, the first at once."""
        await self._require_owned(user_id, webhook_id)
        async with self._database.transaction() as session:
            job = await self._deliveries.restart(session, webhook_id, delivery_id)
            if job is None:
                raise DeliveryNotFound(delivery_id)
            await enqueue(session, job, idempotency_key=job.key)
        delivery = await self._deliveries.get(webhook_id, delivery_id)
        if delivery is None:
            raise DeliveryNotFound(delivery_id)
        return delivery

    async def _require_owned(self, user_id: int, webhook_id: int) -> None:
        if not await self._webhooks.is_owned(user_id, webhook_id):
            raise WebhookNotFound(webhook_id)
