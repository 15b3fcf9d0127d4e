"""What the worker does for webhooks."""

from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus

import structlog

from observability.header_conventions import TRACEPARENT
from observability.tracing.propagation import outgoing_headers
from service.infra.database import Database
from service.infra.jobs.handlers import JobContext
from service.infra.jobs.job import RetryPolicy
from service.infra.jobs.queue import enqueue
from service.webhooks.deliveries import DeliveryRepository
from service.webhooks.jobs import DeliverWebhook, ForgetWebhookEvents
from service.webhooks.schemas import DeliveryStatus
from service.webhooks.sender import Outcome, Sender
from service.webhooks.target import server_of
from service.webhooks.targets import Targets

log = structlog.get_logger(__name__)

# 15 waits of 10 s to 4 h, at least half of each: 11 to 22 hours.
SCHEDULE = RetryPolicy(attempts=16, first_delay=10.0, max_delay=4 * 3600.0)
KEPT = timedelta(days=30)


class WebhookDelivery:
    """Delivers events, each attempt a job of its own: the attempt and what follows it are one transaction."""

    def __init__(
        self, database: Database, deliveries: DeliveryRepository, sender: Sender, targets: Targets
    ) -> None:
        self._database = database
        self._deliveries = deliveries
        self._sender = sender
        self._targets = targets

    async def deliver(self, job: DeliverWebhook, context: JobContext) -> None:
        """Make one attempt.

        Raises:
            Postpone: The target cannot be called now.
        """
        due = await self._deliveries.due(job)
        if due is None:
            return
        with self._targets.call(server_of(due.message.url)) as call:
            outcome = await self._sender.send(replace(due.message, traceparent=_traceparent(context)))
            call.was_answered = outcome.status is not None
        await self._settle(job, outcome, attempt=due.attempts + 1)

    async def forget(self, _job: ForgetWebhookEvents, _context: JobContext) -> None:
        """Delete what is older than anybody asks for."""
        more = True
        while more:
            async with self._database.transaction() as session:
                more = await self._deliveries.forget(session, KEPT)

    async def _settle(self, job: DeliverWebhook, outcome: Outcome, *, attempt: int) -> None:
        status = _status(outcome, attempt)
        delay = SCHEDULE.delay_after(attempt) if status is DeliveryStatus.PENDING else None
        async with self._database.transaction() as session:
            await self._deliveries.add_attempt(session, job.delivery_id, outcome)
            following = await self._deliveries.settle(session, job, status, delay)
            if following and delay:
                await enqueue(session, following, idempotency_key=following.key, delay=delay)
        if status is DeliveryStatus.DEAD:
            log.warning("webhook_delivery_dead", delivery_id=job.delivery_id, attempts=attempt)


def _traceparent(context: JobContext) -> str:
    """Of whoever enqueued this job, unless its run is in a trace: then the call tells of itself."""
    return "" if outgoing_headers() else context.headers.get(TRACEPARENT, "")


def _status(outcome: Outcome, attempt: int) -> DeliveryStatus:
    if outcome.is_success:
        return DeliveryStatus.DELIVERED
    # "Gone" is how a receiver says that it does not want any more.
    if outcome.status == HTTPStatus.GONE or attempt >= SCHEDULE.attempts:
        return DeliveryStatus.DEAD
    return DeliveryStatus.PENDING
