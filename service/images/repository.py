from collections.abc import Mapping
from hashlib import sha256

from sqlalchemy import bindparam, delete, func, insert, null, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.images.errors import NoSuchProduct
from service.images.models import ImageRecord, ThumbnailRecord
from service.images.schemas import Image, ImageState, Original, Thumbnail, ThumbnailSize
from service.infra.database import Database

_COLUMNS = (
    ImageRecord.product_id,
    ImageRecord.revision,
    ImageRecord.state,
    ImageRecord.reason,
    ImageRecord.uploaded_at,
)
_OF_PRODUCT = select(*_COLUMNS).where(ImageRecord.product_id == bindparam("product_id"))
_AWAITED = (
    ImageRecord.product_id == bindparam("of_product"),
    ImageRecord.revision == bindparam("awaited_revision"),
    ImageRecord.state == ImageState.PENDING,
)
_ORIGINAL = select(ImageRecord.media_type, ImageRecord.content).where(*_AWAITED)
_THUMBNAIL = select(ThumbnailRecord.content, ThumbnailRecord.etag).where(
    ThumbnailRecord.product_id == bindparam("product_id"), ThumbnailRecord.size == bindparam("size")
)
_DECIDE = update(ImageRecord).where(*_AWAITED).execution_options(synchronize_session=False)


class ImageRepository:
    """Images and thumbnails in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, product_id: int) -> Image | None:
        row = await self._database.fetch_one(_OF_PRODUCT, {"product_id": product_id})
        return Image.model_validate(row) if row else None

    async def thumbnail(self, product_id: int, size: ThumbnailSize) -> Thumbnail | None:
        row = await self._database.fetch_one(_THUMBNAIL, {"product_id": product_id, "size": size})
        return Thumbnail.model_validate(row) if row else None

    async def awaited(self, product_id: int, revision: int) -> Original | None:
        """What is to have thumbnails; None when it has them, cannot, was replaced or is gone."""
        row = await self._database.fetch_one(
            _ORIGINAL, {"of_product": product_id, "awaited_revision": revision}
        )
        return Original.model_validate(row) if row else None

    async def replace(self, session: AsyncSession, product_id: int, original: Original) -> Image:
        """The new image, which has no thumbnails yet; raises NoSuchProduct."""
        values = original.model_dump() | {"state": ImageState.PENDING}
        statement = upsert(ImageRecord).values(product_id=product_id, **values)
        statement = statement.on_conflict_do_update(
            index_elements=[ImageRecord.product_id],
            set_=values | {"revision": ImageRecord.revision + 1, "reason": null(), "uploaded_at": func.now()},
        )
        try:
            rows = await session.execute(statement.returning(*_COLUMNS))
        except IntegrityError as error:
            raise NoSuchProduct(product_id) from error
        await session.execute(delete(ThumbnailRecord).where(ThumbnailRecord.product_id == product_id))
        return Image.model_validate(rows.one())

    async def finish(
        self, session: AsyncSession, product_id: int, revision: int, thumbnails: Mapping[int, bytes]
    ) -> None:
        """Store thumbnails, unless they are of an image that has been replaced."""
        if not await self._decide(session, product_id, revision, state=ImageState.READY):
            return
        rows = [
            {"product_id": product_id, "size": size, "content": content, "etag": _etag(content)}
            for size, content in thumbnails.items()
        ]
        await session.execute(insert(ThumbnailRecord), rows)

    async def fail(self, session: AsyncSession, product_id: int, revision: int, reason: str) -> None:
        """Store why there are no thumbnails, unless the image has been replaced."""
        await self._decide(session, product_id, revision, state=ImageState.FAILED, reason=reason)

    async def _decide(self, session: AsyncSession, product_id: int, revision: int, **values: str) -> bool:
        parameters = {"of_product": product_id, "awaited_revision": revision}
        statement = _DECIDE.values(**values).returning(ImageRecord.product_id)
        return (await session.execute(statement, parameters)).one_or_none() is not None


def _etag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()[:32]}"'
