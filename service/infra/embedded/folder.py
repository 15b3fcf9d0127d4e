"""The folder that holds all local state, owned by one supervisor at a time."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.infra.start import StartupError


class DataFolder:
    """Claimed for as long as the process lives.

    Raises:
        StartupError: It cannot be written to, or another process has claimed it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._shown = path
        with _refusals_in_words(path):
            self.path.mkdir(parents=True, exist_ok=True)
        claim(self.path, shown=path)

    def secret(self, name: str, *, length: int = 32) -> str:
        """A random secret that is made once and then kept, readable by its owner alone."""
        with _refusals_in_words(self._shown):
            path = self.path / f"{name}.secret"
            if not path.exists():
                unfinished = path.with_suffix(".unfinished")
                write_private(unfinished, secrets.token_urlsafe(length))
                unfinished.rename(path)
            return path.read_text()


def claim(folder: Path, *, shown: Path) -> None:
    """Lock a folder for as long as this process lives.

    Raises:
        StartupError: It cannot be written to, or another process has locked it.
    """
    with _refusals_in_words(shown):
        lock = os.open(
            folder / "lock", os.O_WRONLY | os.O_CREAT, 0o644
        )  # never closed: that would release it
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = (
                f"{shown} is in use by another instance: stop that one, or choose another folder with --data"
            )
            raise StartupError(msg) from error


def write_private(path: Path, content: str) -> None:
    """Write a new file that only its owner can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)


@contextmanager
def _refusals_in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"Cannot write to {folder} ({error.strerror}): choose another folder with --data"
        raise StartupError(msg) from error
