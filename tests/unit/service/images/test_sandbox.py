"""Real processes, and files that would take all memory, all time, or the process."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from service.images import sandbox
from service.images.sandbox import UnusableImage, thumbnails
from tests.unit.service.images.pictures import encoded, endless_text_png, huge_png, huge_webp, picture

SIZES = (128, 320, 640)


async def refused(original: bytes, form: str, *, seconds: float = sandbox.SECONDS) -> str:
    with pytest.raises(UnusableImage) as caught:
        await thumbnails(original, form, SIZES, seconds=seconds)
    return str(caught.value)


def replace_program(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """Let another program be run, with the real limits."""
    program = folder / "program.py"
    limits = f"import runpy; runpy.run_path({str(sandbox.PROGRAM)!r})['_limit']()\n"
    program.write_text(limits + code)
    monkeypatch.setattr(sandbox, "PROGRAM", program)


async def test_an_image_becomes_thumbnails() -> None:
    made = await thumbnails(encoded(picture(), "PNG"), "PNG", SIZES)
    assert set(made) == set(SIZES)
    assert all(image[:4] == b"RIFF" for image in made.values())


async def test_an_image_with_as_many_pixels_as_are_allowed_has_enough_memory() -> None:
    large = Image.new("RGBA", (8000, 6250), (200, 100, 50, 120))
    assert set(await thumbnails(encoded(large, "PNG", compress_level=1), "PNG", SIZES)) == set(SIZES)


@pytest.mark.parametrize(
    ("make", "form", "reason"),
    [
        (lambda: huge_png(30_000, 30_000), "PNG", "more than 50,000,000 pixels"),
        (lambda: encoded(picture(), "JPEG")[:-2000], "JPEG", "damaged"),
        (lambda: encoded(picture(), "GIF"), "PNG", "sent as PNG"),
        (endless_text_png, "PNG", "damaged"),
        (lambda: huge_webp(16_383, 16_383), "WEBP", "more than 50,000,000 pixels"),
        (lambda: b"\xff\xd8\xff" * 1000, "JPEG", "sent as JPEG"),
        (lambda: b"", "PNG", "sent as PNG"),
    ],
    ids=["bomb", "truncated", "mislabelled", "text bomb", "WebP bomb", "nonsense", "empty"],
)
async def test_a_bad_file_is_a_reason(make: Callable[[], bytes], form: str, reason: str) -> None:
    assert reason in await refused(make(), form)


@pytest.mark.skipif(sys.platform != "linux", reason="address space is bounded on Linux alone")
async def test_memory_has_an_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    replace_program(
        monkeypatch,
        tmp_path,
        'try:\n    bytearray(2 * 1024**3)\nexcept MemoryError:\n    print(\'{"reason": "as expected"}\')',
    )
    assert await refused(b"", "PNG") == "as expected"


@pytest.mark.parametrize("end", ["SIGKILL", "SIGSEGV", "SIGXCPU"])
async def test_a_process_that_is_killed_is_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: str
) -> None:
    replace_program(monkeypatch, tmp_path, f"import os, signal; os.kill(os.getpid(), signal.{end})")
    assert "breaks the decoder" in await refused(b"", "PNG")


async def test_time_has_an_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    replace_program(monkeypatch, tmp_path, "import signal; signal.pause()")
    assert "longer than 0.1 seconds" in await refused(b"", "PNG", seconds=0.1)


async def test_cancelling_ends_the_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    os.mkfifo(pid_file)  # it may write no file, but into a pipe
    code = f"import os, signal; print(os.getpid(), file=open({str(pid_file)!r}, 'w')); signal.pause()"
    replace_program(monkeypatch, tmp_path, code)
    waiting = asyncio.create_task(thumbnails(b"", "PNG", SIZES))
    pid = int(await asyncio.to_thread(pid_file.read_text))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_program_that_does_not_work_is_our_mistake_and_not_the_images(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    replace_program(monkeypatch, tmp_path, "import no_such_module")
    with pytest.raises(RuntimeError, match="no_such_module"):
        await thumbnails(b"", "PNG", SIZES)


async def test_the_program_knows_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOKEN_SECRET", "of the service")
    code = 'import json, os; print(json.dumps({"reason": str("TOKEN_SECRET" in os.environ)}))'
    replace_program(monkeypatch, tmp_path, code)
    assert await refused(b"", "PNG") == "False"


async def test_ctrl_c_does_not_reach_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = 'import json, os; print(json.dumps({"reason": f"{os.getsid(0) == os.getpid()}"}))'
    replace_program(monkeypatch, tmp_path, code)
    assert await refused(b"", "PNG") == "True"


async def test_the_program_writes_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = (
        f"file = open({str(tmp_path / 'file')!r}, 'w', buffering=1)\n"
        "try:\n    file.write('anything\\n')\nexcept OSError:\n    print('{\"reason\": \"refused\"}', flush=True)\n"
        "import os; os._exit(0)"
    )
    replace_program(monkeypatch, tmp_path, code)
    assert await refused(b"", "PNG") == "refused"
