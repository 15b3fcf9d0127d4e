"""Thumbnails from a process of its own, in which an image can do no harm."""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pydantic import Base64Bytes, BaseModel

PROGRAM: Final = Path(__file__).with_name("thumbnailer.py")
# Far above its limit of CPU time: only a process that waits for something comes here.
SECONDS: Final = 60.0


class UnusableImage(Exception):
    """The image cannot have thumbnails; the message says why, to whoever uploaded it."""


class _Verdict(BaseModel):
    thumbnails: Mapping[int, Base64Bytes] = {}
    reason: str | None = None


async def thumbnails(
    original: bytes, form: str, sizes: Iterable[int], *, seconds: float = SECONDS
) -> Mapping[int, bytes]:
    """WebP images that fit into squares of these sizes, by size; `form` is Pillow's name of what it was sent as.

    Raises:
        UnusableImage: It is not what it was sent as, damaged, too large, or was too much for the process.
    """
    output = await _run(original, [form, *map(str, sizes)], seconds)
    verdict = _Verdict.model_validate_json(output)
    if verdict.reason is not None:
        raise UnusableImage(verdict.reason)
    return verdict.thumbnails


async def _run(original: bytes, arguments: Iterable[str], seconds: float) -> bytes:
    """What the program says, given this to read.

    It has no environment, so no secrets; and a session of its own, so Ctrl-C ends us alone, and we end it.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(PROGRAM),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            output, complaints = await process.communicate(original)
    except TimeoutError as error:
        msg = f"It took longer than {seconds:g} seconds"
        raise UnusableImage(msg) from error
    finally:
        await _end(process)
    _require_success(process.returncode, complaints)
    return output


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def _require_success(status: int | None, complaints: bytes) -> None:
    if status == 0:
        return
    if status is not None and status < 0:
        msg = "It takes too much time or memory, or breaks the decoder"
        raise UnusableImage(msg)
    # Our own mistake, not the image's: trying again may help.
    raise RuntimeError(complaints.decode(errors="replace")[-2000:])
