from sqlalchemy import bindparam, column, delete, func, insert, select, table
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.infra.database import Database
from service.infra.tokens import AccountGone
from service.webhooks.models import SubscriptionRecord
from service.webhooks.schemas import NewWebhook, Webhook

# Without the secret, which only the sender reads.
_COLUMNS = (
    SubscriptionRecord.id,
    SubscriptionRecord.url,
    SubscriptionRecord.events,
    SubscriptionRecord.created_at,
)
_OF_USER = SubscriptionRecord.user_id == bindparam("user_id")
_IS_IT = SubscriptionRecord.id == bindparam("webhook_id")
_ALL = select(*_COLUMNS).where(_OF_USER).order_by(SubscriptionRecord.id)
_OWNED = select(SubscriptionRecord.id).where(_IS_IT, _OF_USER)
_OWNER = table("users", column("id"))
# Keys that refer to the account can still be added: only others who count wait.
_LOCK_OWNER = select(_OWNER.c.id).where(_OWNER.c.id == bindparam("user_id")).with_for_update(key_share=True)
_COUNT = select(func.count()).select_from(SubscriptionRecord).where(_OF_USER)
_DELETE = delete(SubscriptionRecord).where(_IS_IT, _OF_USER).returning(SubscriptionRecord.id)


class WebhookRepository:
    """Subscriptions in PostgreSQL, each visible to its owner alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_user(self, user_id: int) -> list[Webhook]:
        rows = await self._database.fetch_all(_ALL, {"user_id": user_id})
        return [Webhook.model_validate(row) for row in rows]

    async def is_owned(self, user_id: int, webhook_id: int) -> bool:
        owned = {"user_id": user_id, "webhook_id": webhook_id}
        return await self._database.fetch_one(_OWNED, owned) is not None

    async def lock_and_count(self, session: AsyncSession, user_id: int) -> int:
        """How many the account has; nobody else counts until the transaction ends."""
        await session.execute(_LOCK_OWNER, {"user_id": user_id})
        return int(await session.scalar(_COUNT, {"user_id": user_id}) or 0)

    async def add(self, session: AsyncSession, user_id: int, webhook: NewWebhook, secret: bytes) -> Webhook:
        """Raises AccountGone when there is no such user any more."""
        values = {**webhook.model_dump(), "user_id": user_id, "secret": secret}
        try:
            rows = await session.execute(insert(SubscriptionRecord).values(values).returning(*_COLUMNS))
        except IntegrityError as error:
            raise AccountGone from error
        return Webhook.model_validate(rows.one())

    async def delete(self, session: AsyncSession, user_id: int, webhook_id: int) -> bool:
        """Whether there was one to delete."""
        owned = {"user_id": user_id, "webhook_id": webhook_id}
        return await session.scalar(_DELETE, owned) is not None
