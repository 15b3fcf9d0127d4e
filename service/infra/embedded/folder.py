"""The folder that holds all local state, owned by one supervisor at a time."""

import fcntl
import os
import secrets
from pathlib import Path
from typing import IO

from service.infra.embedded.child import StartupError


class DataFolder:
    """Claimed for as long as the process lives.

    Raises:
        StartupError: It cannot be written to, or another process has claimed it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / "lock").open("a")
        except OSError as error:
            msg = f"Cannot write to {path} ({error.strerror}): choose another folder with --data"
            raise StartupError(msg) from error
        _claim(self._lock, path)

    def secret(self, name: str, *, length: int = 32) -> str:
        """A random secret that is made once and then kept, readable by its owner alone."""
        path = self.path / f"{name}.secret"
        try:
            return path.read_text()
        except FileNotFoundError:
            secret = secrets.token_urlsafe(length)
            unfinished = path.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secret)
            unfinished.rename(path)
            return secret


def _claim(lock: IO[str], path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        msg = f"{path} is in use by another instance: stop that one, or choose another folder with --data"
        raise StartupError(msg) from error
