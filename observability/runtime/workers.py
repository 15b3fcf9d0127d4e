"""Where worker processes of one supervisor find each other, without being told."""

import multiprocessing
import os
import re
import shutil
import tempfile
from pathlib import Path

import structlog

from observability.metrics.registry import Registry
from observability.metrics.workers import is_deserted
from observability.runtime.process import start_ticks

# Memory that has the form of a folder, where there is one.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  the folder within belongs to one user and is refused otherwise

# Of the supervisor, its process id and when it started; then the service.
_NAME = re.compile(r"(\d{1,9})-(\d+)-")

log = structlog.get_logger(__name__)


def share_with_workers(registry: Registry, folder: str | None, service_name: str) -> None:
    """Show the numbers of all workers as one: those that use `folder`, or else those of the same supervisor.

    A process without a supervisor of Python's `multiprocessing` (uvicorn's, for one) keeps its numbers to itself.
    """
    try:
        found = Path(folder) if folder else _folder_of_supervisor(service_name)
        if found is not None:
            registry.share(found)
    except OSError as error:
        log.warning(
            "workers_not_shared",
            reason=str(error),
            effect="each worker shows its own numbers only",
            advice="let workers_folder name a folder that the service may write to",
        )


def _folder_of_supervisor(service_name: str) -> Path | None:
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return None
    home = _home()
    _remove_deserted(home)
    name = "".join(letter if letter.isalnum() else "-" for letter in service_name)
    return home / f"{supervisor.pid}-{start_ticks(supervisor.pid) or 0}-{name}"


def _home() -> Path:
    """The folder of this user for all services.

    Raises:
        PermissionError: Somebody else has made it.
    """
    base = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    home = base / f"observability-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.is_symlink() or home.stat().st_uid != os.getuid():
        msg = f"{home} belongs to another user"
        raise PermissionError(msg)
    return home


def _remove_deserted(home: Path) -> None:
    """Remove what services have left whose supervisor and workers are gone."""
    for folder in home.iterdir():
        named = _NAME.match(folder.name)
        if named and not _is_running(*map(int, named.groups())) and is_deserted(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(pid: int, ticks: int) -> bool:
    if ticks:
        return start_ticks(pid) == ticks
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
