from collections.abc import Iterable

from service.errors import Invalid, NotFound, Unsupported

# What is missing may be there in a moment: nobody is to remember that it was not.
_NOT_STORED = {"Cache-Control": "no-store"}


class NoSuchProduct(NotFound):
    title = "Product not found"
    location = ("path", "product_id")

    def __init__(self, product_id: int) -> None:
        super().__init__(f"There is no product {product_id}")


class ImageNotFound(NotFound):
    title = "Image not found"
    location = ("path", "product_id")

    def __init__(self, product_id: int) -> None:
        super().__init__(f"There is no image of a product {product_id}", headers=_NOT_STORED)


class ThumbnailNotFound(NotFound):
    title = "Thumbnail not found"
    location = ("path", "product_id")

    def __init__(self, product_id: int) -> None:
        super().__init__(
            f"There is no thumbnail of a product {product_id}, or not yet: GET /products/{product_id}/image says which",
            headers=_NOT_STORED,
        )


class UnsupportedImage(Unsupported):
    title = "Unsupported image"
    location = ("header", "Content-Type")

    def __init__(self, supported: Iterable[str]) -> None:
        super().__init__(f"Send the bytes of one image with a Content-Type of {', '.join(supported)}")


class EmptyImage(Invalid):
    title = "Empty image"
    location = ("body", "image")

    def __init__(self) -> None:
        super().__init__("Send the bytes of an image")
