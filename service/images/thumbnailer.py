"""A program that makes thumbnails of one image, which may be anything that a stranger has made up.

    python -I thumbnailer.py PNG 128 320 640 < image > verdict.json

The verdict is `{"thumbnails": {"128": "<base64 of a WebP>", ...}}` or `{"reason": "..."}`. A program of its own: what
a decoder does to memory, time or the process, it does to nobody else. It imports nothing of the service.
"""

import json
import resource
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Final

from PIL import (
    Image,
    ImageCms,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

MAX_PIXELS: Final = 50_000_000
MEMORY_MEBIBYTES: Final = 1024
CPU_SECONDS: Final = 20
QUALITY: Final = 80
# Imported and named here: looking for them, Pillow would import the decoders of fifty other formats.
PLUGINS: Final = (JpegImagePlugin, PngImagePlugin, WebPImagePlugin)
# Modes that can be made smaller as they are; the colours of others would not mix.
_SCALABLE = frozenset({"RGB", "RGBA", "L", "CMYK"})


class Unusable(Exception):
    """The image cannot have thumbnails; the message says why, to whoever uploaded it."""


def thumbnails(original: bytes, form: str, sizes: Sequence[int]) -> dict[int, bytes]:
    """WebP images that fit into squares of these sizes, by size: upright, in sRGB, without metadata, never enlarged.

    Raises:
        Unusable: It is not what it was sent as, damaged, or too large.
    """
    largest_first = sorted(sizes, reverse=True)
    image = _decoded(original, form, largest_first[0])
    return dict(_shrunk(image, largest_first))


def _decoded(original: bytes, form: str, size: int) -> Image.Image:
    try:
        with Image.open(BytesIO(original), formats=[form]) as image:
            _require_few_pixels(image)
            return _upright(_small(image, size))
    except UnidentifiedImageError as error:
        msg = f"It was sent as {form}, but cannot be read as that"
        raise Unusable(msg) from error
    except (Unusable, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except Exception as error:  # decoders raise nearly anything for broken files
        msg = "It is damaged: it cannot be decoded to its end"
        raise Unusable(msg) from error


def _require_few_pixels(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_large()


def _too_large() -> Unusable:
    return Unusable(f"It has more than {MAX_PIXELS:,} pixels")


def _small(image: Image.Image, size: int) -> Image.Image:
    if image.mode not in _SCALABLE:
        image = image.convert(_mode(image))
    image.thumbnail((size, size))
    return image


def _upright(image: Image.Image) -> Image.Image:
    """The image as its camera meant it."""
    upright = _in_srgb(ImageOps.exif_transpose(image))
    return upright.convert(_mode(upright))


def _in_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    try:
        source, target = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode=_mode(image)) or image
    except (ImageCms.PyCMSError, OSError):
        return image  # a broken profile is better ignored than its image refused


def _mode(image: Image.Image) -> str:
    return "RGBA" if image.has_transparency_data else "RGB"


def _shrunk(image: Image.Image, sizes: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    for size in sizes:
        image.thumbnail((size, size))
        encoded = BytesIO()
        # What else the original says is left out: WebP files get the metadata that `save` is given.
        image.save(encoded, "WEBP", quality=QUALITY)
        yield size, encoded.getvalue()


def main(form: str, *sizes: str) -> None:
    """Read standard input, write the verdict to standard output."""
    _limit()
    try:
        made = thumbnails(sys.stdin.buffer.read(), form, [int(size) for size in sizes])
        verdict: object = {"thumbnails": {size: b64encode(image).decode() for size, image in made.items()}}
    except Unusable as error:
        verdict = {"reason": str(error)}
    except MemoryError:
        verdict = {"reason": f"Decoding it takes more than {MEMORY_MEBIBYTES:,} MiB of memory"}
    json.dump(verdict, sys.stdout)


def _limit() -> None:
    """Bound what this process can take, and keep it from writing files."""
    limits = {resource.RLIMIT_CPU: CPU_SECONDS, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
    if sys.platform == "linux":  # elsewhere address space is not what a process uses
        limits[resource.RLIMIT_AS] = MEMORY_MEBIBYTES * 1024 * 1024
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    main(*sys.argv[1:])
