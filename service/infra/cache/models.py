from datetime import datetime

from sqlalchemy import DateTime, Identity, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.orm import Base


class InvalidationRecord(Base):
    """Tags that changed with the transaction that inserted this row; deleted when Redis has heard of them."""

    __tablename__ = "cache_invalidations"

    id: Mapped[int] = mapped_column(BIGINT, Identity(), primary_key=True)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
