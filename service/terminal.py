"""What the person at the terminal reads; a log reads well, too, and nobody reading is no reason to end."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from service.infra.start import StartupError
from service.settings import SettingsError


def say(text: str, *, end: str = "\n") -> None:
    try:
        # At once: an unbuffered output would show the line, or that of somebody else, before its end.
        print(text + end, end="", flush=True)  # noqa: T201 (the terminal is this program's interface)
    except OSError:
        # Whoever read this has left: what is still in the buffer, and all that follows, is for nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show_progress(what: str, done: int, total: int) -> None:
    """Say how far the work is: one line that moves in a terminal, one line at the end elsewhere."""
    is_done = done == total
    if _is_terminal():
        say(f"\r\x1b[KLoading {what}: {done:,} of {total:,}", end="\n" if is_done else "")
    elif is_done:
        say(f"Loading {what}: {total:,}")


@contextmanager
def mistakes_in_one_line() -> Iterator[None]:
    """End the program with one line for what its user can put right."""
    try:
        yield
    except (SettingsError, StartupError) as error:
        print(f"glasshouse: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()
