import asyncio
from typing import ClassVar

from observability.tracing.spans import span
from service.images.repository import ImageRepository
from service.images.sandbox import UnusableImage, thumbnails
from service.images.schemas import MediaType, Original, ThumbnailSize
from service.infra.database import Database
from service.infra.jobs.handlers import JobContext
from service.infra.jobs.job import Job

# Each may take a core and a gibibyte.
CONCURRENCY = 2
# Pillow's names.
_FORMS = {MediaType.JPEG: "JPEG", MediaType.PNG: "PNG", MediaType.WEBP: "WEBP"}


class MakeThumbnails(Job):
    """Make the thumbnails of one upload."""

    name: ClassVar[str] = "make_thumbnails"

    product_id: int
    revision: int


class Thumbnails:
    """Makes thumbnails, of so many images at once as a worker can bear."""

    def __init__(self, database: Database, images: ImageRepository) -> None:
        self._database = database
        self._images = images
        self._turns = asyncio.Semaphore(CONCURRENCY)

    async def make(self, job: MakeThumbnails, _context: JobContext) -> None:
        """Make thumbnails or say why there are none; whatever became of the image meanwhile, newer ones stay."""
        async with self._turns:
            original = await self._images.awaited(job.product_id, job.revision)
            if original is not None:
                await self._decide(job, original)

    async def _decide(self, job: MakeThumbnails, original: Original) -> None:
        try:
            with span("make thumbnails"):
                made = await thumbnails(original.content, _FORMS[original.media_type], ThumbnailSize)
        except UnusableImage as error:
            async with self._database.transaction() as session:
                await self._images.fail(session, job.product_id, job.revision, str(error))
            return
        async with self._database.transaction() as session:
            await self._images.finish(session, job.product_id, job.revision, made)
