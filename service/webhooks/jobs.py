from typing import ClassVar

from service.infra.jobs.job import Job


class DeliverWebhook(Job):
    """Send an event to a subscriber, if this is still the turn of the delivery."""

    name: ClassVar = "deliver_webhook"

    delivery_id: int
    turn: int

    @property
    def key(self) -> str:
        return f"{self.delivery_id}:{self.turn}"


class ForgetWebhookEvents(Job):
    """Delete what happened long ago, with its deliveries."""

    name: ClassVar = "forget_webhook_events"
