from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response, Security

from service.images.errors import UnsupportedImage
from service.images.schemas import Image, MediaType, ThumbnailSize
from service.images.service import ImageService
from service.infra.authentication import authenticate
from service.infra.body_limit import read_body
from service.infra.cache.conditions import is_known
from service.infra.fields import Identifier
from service.infra.locations import path_to
from service.infra.tokens import Scope
from service.problems import documented

MAX_IMAGE_SIZE = 8 * 1024 * 1024
# As long as the catalogue: a thumbnail and its product are outdated together.
CACHE_CONTROL = "public, max-age=60"
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"The bytes of one image, up to {MAX_IMAGE_SIZE:,}",
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MediaType
        },
    }
}
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "Stored; thumbnails follow",
        "headers": {"Location": {"description": "Where to see how far it is", "schema": {"type": "string"}}},
    }
}
_ETAG = {"ETag": {"description": "Of these bytes", "schema": {"type": "string"}}}
THUMBNAIL: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The thumbnail",
        "content": {MediaType.WEBP: {"schema": {"type": "string", "format": "binary"}}},
        "headers": _ETAG,
    },
    304: {"description": "The thumbnail is the one that you have", "headers": _ETAG},
}

router = APIRouter(prefix="/products/{product_id}/image", tags=["images"])


async def image_service(request: Request) -> ImageService:
    service: ImageService = request.app.state.images
    return service


Images = Annotated[ImageService, Depends(image_service)]
may_write = Security(authenticate, scopes=[Scope.CATALOGUE_WRITE])


@router.put(
    "",
    status_code=202,
    summary="Give a product an image",
    dependencies=[may_write],
    openapi_extra=UPLOAD,
    responses=ACCEPTED | documented(401, 403, 404, 413, 415, 422, 503),
)
async def put_image(images: Images, product_id: Identifier, request: Request, response: Response) -> Image:
    """Stores a JPEG, PNG or WebP, in place of an older one; thumbnails are made behind the answer.

    `Location` says how far they are. From now on there are no thumbnails of an older image.
    """
    media_type = _media_type(request)
    image = await images.replace(product_id, media_type, await read_body(request, MAX_IMAGE_SIZE))
    response.headers["Location"] = path_to(request, "get_image", product_id=product_id)
    return image


@router.get("", summary="See how far an image is", responses=documented(404, 422, 503))
async def get_image(images: Images, product_id: Identifier, response: Response) -> Image:
    """Whether the thumbnails are `pending`, `ready`, or have `failed`, and for which `reason`."""
    response.headers["Cache-Control"] = "no-store"
    return await images.get(product_id)


@router.get(
    "/{size}",
    summary="Get a thumbnail",
    response_class=Response,
    responses=THUMBNAIL | documented(404, 422, 503),
)
async def get_thumbnail(
    images: Images,
    product_id: Identifier,
    size: ThumbnailSize,
    if_none_match: Annotated[
        str | None,
        Header(alias="If-None-Match", max_length=1000, description="ETags of thumbnails that you have"),
    ] = None,
) -> Response:
    """The image as WebP, fitted into a square of `size` pixels and never enlarged. There is none until it is `ready`."""
    thumbnail = await images.thumbnail(product_id, size)
    headers = {"ETag": thumbnail.etag, "Cache-Control": CACHE_CONTROL}
    if if_none_match is not None and is_known(if_none_match, thumbnail.etag):
        return Response(status_code=304, headers=headers)
    return Response(thumbnail.content, media_type=MediaType.WEBP, headers=headers)


def _media_type(request: Request) -> MediaType:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared not in set(MediaType):
        raise UnsupportedImage(MediaType)
    return MediaType(declared)
