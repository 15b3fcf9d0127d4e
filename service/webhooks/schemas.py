from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.infra.cursors import Cursor, PageSize
from service.infra.events import EventType
from service.webhooks.target import MAX_LENGTH, PATTERN, target_url

MAX_WEBHOOKS = 20  # of one account: each costs every write that it listens to


class DeliveryStatus(StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


TargetUrl = Annotated[
    str,
    Field(
        max_length=MAX_LENGTH,
        pattern=PATTERN,
        description="Where events are sent; on the public internet, and better with https",
        examples=["https://example.com/hooks/glasshouse"],
    ),
    AfterValidator(target_url),
]


def _each_once(events: list[EventType]) -> list[EventType]:
    return sorted(set(events))


class NewWebhook(BaseModel):
    """What is to be sent where."""

    model_config = ConfigDict(extra="forbid")

    url: TargetUrl
    events: Annotated[
        list[EventType],
        Field(min_length=1, max_length=20, examples=[["product.created", "product.deleted"]]),
        AfterValidator(_each_once),
    ]


class Webhook(BaseModel):
    """A subscription to events."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(examples=[1])
    url: str = Field(examples=["https://example.com/hooks/glasshouse"])
    events: list[str] = Field(examples=[["product.created", "product.deleted"]])
    created_at: datetime


class CreatedWebhook(Webhook):
    """A subscription, and the secret that its deliveries are signed with."""

    secret: str = Field(
        description="Shown here and never again: keep it where your receiver finds it",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    )


class Webhooks(BaseModel):
    """All subscriptions of an account."""

    webhooks: list[Webhook]


class Attempt(BaseModel):
    """One request to the target, and what came of it."""

    model_config = ConfigDict(from_attributes=True)

    started_at: datetime
    seconds: float = Field(description="Until the answer, or until it was given up", examples=[0.085])
    status: int | None = Field(description="Of the answer, if there was one", examples=[503])
    error: str | None = Field(description="Why there was no usable answer", examples=["timed out"])


class Delivery(BaseModel):
    """An event on its way to the target. Its id is the `webhook-id` of every attempt."""

    id: int = Field(examples=[1])
    event: str = Field(examples=["product.created"])
    status: DeliveryStatus = Field(description="`dead`: given up, until it is redelivered")
    created_at: datetime
    next_attempt_at: datetime | None = Field(description="The earliest time; null when none is planned")
    attempts: list[Attempt] = Field(description="Oldest first")


class DeliveryPage(BaseModel):
    """Part of the deliveries of a webhook, latest first."""

    deliveries: list[Delivery]
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page; null on the last", examples=["YWZ0ZXI6NTA"]
    )


class DeliveryQuery(BaseModel):
    """Which deliveries, and how many."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: PageSize = 50
    cursor: Cursor | None = None
    status: DeliveryStatus | None = None
