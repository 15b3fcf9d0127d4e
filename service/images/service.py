from service.images.errors import EmptyImage, ImageNotFound, ThumbnailNotFound
from service.images.jobs import MakeThumbnails
from service.images.repository import ImageRepository
from service.images.schemas import Image, MediaType, Original, Thumbnail, ThumbnailSize
from service.infra.database import Database
from service.infra.jobs.queue import enqueue


class ImageService:
    """What can be done with the images of products."""

    def __init__(self, database: Database, images: ImageRepository) -> None:
        self._database = database
        self._images = images

    async def get(self, product_id: int) -> Image:
        image = await self._images.get(product_id)
        if image is None:
            raise ImageNotFound(product_id)
        return image

    async def thumbnail(self, product_id: int, size: ThumbnailSize) -> Thumbnail:
        thumbnail = await self._images.thumbnail(product_id, size)
        if thumbnail is None:
            raise ThumbnailNotFound(product_id)
        return thumbnail

    async def replace(self, product_id: int, media_type: MediaType, content: bytes) -> Image:
        """Store what was uploaded; its thumbnails are made behind, and nobody sees older ones from now on."""
        if not content:
            raise EmptyImage
        original = Original(media_type=media_type, content=content)
        async with self._database.transaction() as session:
            image = await self._images.replace(session, product_id, original)
            await enqueue(session, MakeThumbnails(product_id=product_id, revision=image.revision))
        return image
