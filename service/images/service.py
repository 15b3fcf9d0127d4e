import asyncio

from service.images.errors import EmptyImage, ImageNotFound, ThumbnailNotFound
from service.images.jobs import MakeThumbnails
from service.images.repository import ImageRepository
from service.images.sandbox import UnusableImage, thumbnails
from service.images.schemas import Image, MediaType, Original, Thumbnail, ThumbnailSize
from service.infra.database import Database
from service.infra.jobs.handlers import JobContext
from service.infra.jobs.queue import enqueue

# Each may take a core and a gibibyte.
CONCURRENCY = 2
# Pillow's names.
_FORMS = {MediaType.JPEG: "JPEG", MediaType.PNG: "PNG", MediaType.WEBP: "WEBP"}


class ImageService:
    """What can be done with the images of products."""

    def __init__(self, database: Database, images: ImageRepository) -> None:
        self._database = database
        self._images = images
        self._turns = asyncio.Semaphore(CONCURRENCY)

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

    async def make_thumbnails(self, job: MakeThumbnails, _context: JobContext) -> None:
        """Make thumbnails or say why there are none; whatever became of the image meanwhile, newer ones stay."""
        async with self._turns:
            original = await self._images.awaited(job.product_id, job.revision)
            if original is not None:
                await self._decide(job, original)

    async def _decide(self, job: MakeThumbnails, original: Original) -> None:
        try:
            made = await thumbnails(original.content, _FORMS[original.media_type], ThumbnailSize)
        except UnusableImage as error:
            async with self._database.transaction() as session:
                await self._images.fail(session, job.product_id, job.revision, str(error))
            return
        async with self._database.transaction() as session:
            await self._images.finish(session, job.product_id, job.revision, made)
