"""Images that tests make up, good ones and bad ones."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

RED, BLUE = (220, 20, 30), (20, 30, 220)


def picture(width: int = 900, height: int = 600, *, mode: str = "RGB") -> Image.Image:
    """The left half red, the right half blue."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width // 2, height))
    return image.convert(mode)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """A few kilobytes that would be an image of this size: blank lines, as far as they go."""
    lines = zlib.compress(b"\0" * 1_000_000, 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", lines) + _chunk(b"IEND", b"")


def endless_text_png() -> bytes:
    """A small image whose comment unpacks to 128 MiB."""
    whole = encoded(picture(8, 8), "PNG")
    comment = b"Comment\0\0" + zlib.compress(b"\0" * (128 * 1024 * 1024), 9)
    end = whole.index(b"IDAT") - 4
    return whole[:end] + _chunk(b"zTXt", comment) + whole[end:]


def huge_webp(width: int, height: int) -> bytes:
    """The header of an animation on a canvas of this size, and one small frame."""
    frame = encoded(picture(8, 8), "WEBP")[12:]
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    canvas = _riff(b"VP8X", b"\x02\0\0\0" + size)
    animation = _riff(b"ANIM", b"\0\0\0\0\0\0")
    place = b"\0\0\0\0\0\0" + struct.pack("<I", 7)[:3] * 2 + b"\x64\0\0\0"
    body = b"WEBP" + canvas + animation + _riff(b"ANMF", place + frame)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _riff(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
