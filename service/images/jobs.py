from typing import ClassVar

from service.infra.jobs.job import Job


class MakeThumbnails(Job):
    """Make the thumbnails of one upload."""

    name: ClassVar[str] = "images.make_thumbnails"

    product_id: int
    revision: int
