from datetime import datetime
from enum import IntEnum, StrEnum

from pydantic import BaseModel, ConfigDict, Field


class ThumbnailSize(IntEnum):
    """The side of the square, in pixels, that a thumbnail fits into."""

    SMALL = 128
    MEDIUM = 320
    LARGE = 640


class MediaType(StrEnum):
    """What can be uploaded."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"


class ImageState(StrEnum):
    """How far the thumbnails of an image are."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class Image(BaseModel):
    """The image of a product."""

    model_config = ConfigDict(from_attributes=True)

    product_id: int = Field(examples=[1])
    revision: int = Field(description="Counts the uploads", examples=[1])
    state: ImageState
    reason: str | None = Field(description="Why it failed", examples=[None])
    uploaded_at: datetime


class Original(BaseModel):
    """What was uploaded."""

    model_config = ConfigDict(from_attributes=True)

    media_type: MediaType
    content: bytes


class Thumbnail(BaseModel):
    """A WebP image, and its entity tag."""

    model_config = ConfigDict(from_attributes=True)

    content: bytes
    etag: str
