from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, LargeBinary, SmallInteger, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.orm import Base


class ImageRecord(Base):
    __tablename__ = "product_images"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'ready', 'failed')", name="state_known"),
        CheckConstraint("(state = 'failed') = (reason IS NOT NULL)", name="reason_of_failure"),
    )

    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(server_default="1")
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    uploaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class ThumbnailRecord(Base):
    __tablename__ = "product_thumbnails"

    product_id: Mapped[int] = mapped_column(
        ForeignKey("product_images.product_id", ondelete="CASCADE"), primary_key=True
    )
    size: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    etag: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes] = mapped_column(LargeBinary)
