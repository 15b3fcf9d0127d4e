"""Events and their deliveries in PostgreSQL."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    Interval,
    Row,
    Text,
    any_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from service.infra import cursors
from service.infra.database import Database
from service.infra.events import EventType
from service.webhooks.jobs import DeliverWebhook
from service.webhooks.models import AttemptRecord, DeliveryRecord, EventRecord, SubscriptionRecord
from service.webhooks.schemas import Attempt, Delivery, DeliveryQuery, DeliveryStatus
from service.webhooks.sender import Message, Outcome

_FORGOTTEN_AT_ONCE = 500

# One statement, whether anybody listens or not: most writes find nobody, and leave nothing behind.
_listeners = (
    select(SubscriptionRecord.id)
    .where(bindparam("type", type_=Text) == any_(SubscriptionRecord.events))
    .cte("listeners")
)
_event = (
    insert(EventRecord)
    .from_select(
        ["type", "body"],
        select(cast(bindparam("type"), Text), cast(bindparam("body"), Text)).where(
            exists(select(_listeners.c.id))
        ),
    )
    .returning(EventRecord.id)
    .cte("event")
)
_PUBLISH = (
    insert(DeliveryRecord)
    .from_select(
        ["event_id", "subscription_id"],
        select(_event.c.id, _listeners.c.id).select_from(_event.join(_listeners, true())),
    )
    .returning(DeliveryRecord.id, DeliveryRecord.turn)
)
_IS_IT = DeliveryRecord.id == bindparam("delivery_id")
_IS_ITS_TURN = DeliveryRecord.turn == bindparam("its_turn")
_DUE = (
    select(SubscriptionRecord.url, SubscriptionRecord.secret, EventRecord.body, DeliveryRecord.attempts)
    .join(EventRecord, EventRecord.id == DeliveryRecord.event_id)
    .join(SubscriptionRecord, SubscriptionRecord.id == DeliveryRecord.subscription_id)
    .where(_IS_IT, _IS_ITS_TURN, DeliveryRecord.status == DeliveryStatus.PENDING)
    .select_from(DeliveryRecord)
)
_SETTLE = (
    update(DeliveryRecord)
    .where(_IS_IT, _IS_ITS_TURN)
    .values(
        turn=DeliveryRecord.turn + 1,
        attempts=DeliveryRecord.attempts + 1,
        status=bindparam("new_status", type_=Text),
        next_attempt_at=func.now() + bindparam("delay", type_=Interval),
    )
    .returning(DeliveryRecord.turn)
    .execution_options(synchronize_session=False)
)
_RESTART = (
    update(DeliveryRecord)
    .where(_IS_IT, DeliveryRecord.subscription_id == bindparam("webhook_id"))
    .values(
        turn=DeliveryRecord.turn + 1, attempts=0, status=DeliveryStatus.PENDING, next_attempt_at=func.now()
    )
    .returning(DeliveryRecord.turn)
    .execution_options(synchronize_session=False)
)
_DELIVERIES = (
    select(
        DeliveryRecord.id,
        EventRecord.type.label("event"),
        DeliveryRecord.status,
        EventRecord.created_at,
        DeliveryRecord.next_attempt_at,
    )
    .select_from(DeliveryRecord)
    .join(EventRecord, EventRecord.id == DeliveryRecord.event_id)
    .where(DeliveryRecord.subscription_id == bindparam("webhook_id"))
)
_PAGE = _DELIVERIES.order_by(DeliveryRecord.id.desc()).limit(bindparam("limit"))
_FILTERS = {
    "before": DeliveryRecord.id < bindparam("before"),
    "status": DeliveryRecord.status == bindparam("status"),
}
_ATTEMPTS = (
    select(
        AttemptRecord.delivery_id,
        AttemptRecord.started_at,
        AttemptRecord.seconds,
        AttemptRecord.status,
        AttemptRecord.error,
    )
    .where(AttemptRecord.delivery_id.in_(bindparam("ids", expanding=True)))
    .order_by(AttemptRecord.id)
)
_OLDEST = (
    select(EventRecord.id)
    .where(EventRecord.created_at < func.now() - bindparam("age", type_=Interval))
    .order_by(EventRecord.created_at)
    .limit(_FORGOTTEN_AT_ONCE)
)
_FORGET = (
    delete(EventRecord)
    .where(EventRecord.id.in_(_OLDEST))
    .returning(EventRecord.id)
    .execution_options(synchronize_session=False)
)


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose turn it is, and how often it was tried before."""

    message: Message
    attempts: int


class DeliveryRepository:
    """Deliveries, in the order of their ids."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, session: AsyncSession, event: EventType, body: str) -> list[DeliverWebhook]:
        """Note the event and a delivery for each who listens; what is to be done for those."""
        # Past the session, which takes parameters of an INSERT for the columns of a row.
        connection = await session.connection()
        rows = await connection.execute(_PUBLISH, {"type": event, "body": body})
        return [DeliverWebhook(delivery_id=row.id, turn=row.turn) for row in rows]

    async def due(self, job: DeliverWebhook) -> Due | None:
        """None when there is nothing to do: it is done, or another job's turn, or nobody listens any more."""
        row = await self._database.fetch_one(_DUE, _turn_of(job))
        if row is None:
            return None
        return Due(Message(job.delivery_id, row.url, row.secret, row.body), row.attempts)

    async def settle(
        self,
        session: AsyncSession,
        job: DeliverWebhook,
        status: DeliveryStatus,
        delay: timedelta | None,
    ) -> DeliverWebhook | None:
        """End the turn; what follows it, or None when somebody else has ended it."""
        values = {**_turn_of(job), "new_status": status, "delay": delay}
        turn = await session.scalar(_SETTLE, values)
        return DeliverWebhook(delivery_id=job.delivery_id, turn=turn) if turn else None

    async def add_attempt(self, session: AsyncSession, delivery_id: int, outcome: Outcome) -> None:
        await session.execute(insert(AttemptRecord).values(delivery_id=delivery_id, **asdict(outcome)))

    async def restart(
        self, session: AsyncSession, webhook_id: int, delivery_id: int
    ) -> DeliverWebhook | None:
        """Begin again, whatever came of it so far; None when the webhook has no such delivery."""
        turn = await session.scalar(_RESTART, {"webhook_id": webhook_id, "delivery_id": delivery_id})
        return DeliverWebhook(delivery_id=delivery_id, turn=turn) if turn else None

    async def get(self, webhook_id: int, delivery_id: int) -> Delivery | None:
        parameters = {"webhook_id": webhook_id, "delivery_id": delivery_id}
        rows = await self._database.fetch_all(_DELIVERIES.where(_IS_IT), parameters)
        return next(iter(await self._with_attempts(rows)), None)

    async def page(self, webhook_id: int, query: DeliveryQuery) -> list[Delivery]:
        """The deliveries after the cursor, latest first, and one more than the limit when there are more."""
        parameters = _parameters(webhook_id, query)
        statement = _PAGE.where(*(condition for name, condition in _FILTERS.items() if name in parameters))
        return await self._with_attempts(await self._database.fetch_all(statement, parameters))

    async def forget(self, session: AsyncSession, age: timedelta) -> bool:
        """Delete some of the events that are older, with their deliveries; whether there were any."""
        return bool((await session.scalars(_FORGET, {"age": age})).all())

    async def _with_attempts(self, rows: Sequence[Row[Any]]) -> list[Delivery]:
        attempts = await self._attempts([row.id for row in rows])
        return [Delivery(**row._mapping, attempts=attempts[row.id]) for row in rows]  # noqa: SLF001 (public, in spite of its name)

    async def _attempts(self, deliveries: Sequence[int]) -> Mapping[int, list[Attempt]]:
        attempts = defaultdict[int, list[Attempt]](list)
        if deliveries:
            for row in await self._database.fetch_all(_ATTEMPTS, {"ids": deliveries}):
                attempts[row.delivery_id].append(Attempt.model_validate(row))
        return attempts


def _turn_of(job: DeliverWebhook) -> dict[str, Any]:
    return {"delivery_id": job.delivery_id, "its_turn": job.turn}


def _parameters(webhook_id: int, query: DeliveryQuery) -> dict[str, Any]:
    parameters = query.model_dump(exclude={"cursor"}, exclude_none=True)
    parameters |= {"webhook_id": webhook_id, "limit": query.limit + 1}
    if query.cursor is not None:
        parameters["before"] = cursors.decode(query.cursor)
    return parameters
