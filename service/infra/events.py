"""What features tell the world, without knowing who listens."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession


class EventType(StrEnum):
    """What can happen."""

    PRODUCT_CREATED = "product.created"
    PRODUCT_UPDATED = "product.updated"
    PRODUCT_DELETED = "product.deleted"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a thing, and the thing: as it is now, or as it was last."""

    type: EventType
    data: BaseModel


class Events(Protocol):
    """Whoever makes sure that listeners hear of events."""

    async def publish(self, session: AsyncSession, event: Event) -> None:
        """Tell of it when the transaction is committed, and only then."""
        ...
