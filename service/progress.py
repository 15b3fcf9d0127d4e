"""Progress of long work, for a terminal or a log."""

import sys


def show_progress(what: str, done: int, total: int) -> None:
    """Say how far the work is: one line that moves in a terminal, one line at the end elsewhere."""
    is_done = done == total
    if sys.stdout.isatty():
        print(f"\r\x1b[KLoading {what}: {done:,} of {total:,}", end="\n" if is_done else "", flush=True)  # noqa: T201
    elif is_done:
        print(f"Loading {what}: {total:,}", flush=True)  # noqa: T201
