"""Everything on one machine: PostgreSQL, Valkey and the API as children of one supervisor."""

import asyncio
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from service.infra.embedded.child import Child, StartupError
from service.infra.embedded.folder import DataFolder
from service.infra.embedded.ports import answers, can_listen
from service.infra.embedded.postgres import EmbeddedPostgres
from service.infra.embedded.valkey import EmbeddedValkey
from service.preparation import migrate, seed
from service.progress import show_progress
from service.settings import Settings

API_START_SECONDS = 30.0
API_STOP_SECONDS = 15.0
WATCH_SECONDS = 0.1
MAX_RESTARTS = 5
RESTART_WINDOW_SECONDS = 60.0
RESTART_DELAY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Options:
    """What `python -m service up` can be told."""

    host: str
    port: int
    workers: int
    data: Path
    products: int


class Server(Protocol):
    """A child that can be started, again and again."""

    child: Child

    def spawn(self) -> None: ...

    def wait(self) -> None: ...


class Api:
    """The API in a process of its own."""

    def __init__(self, host: str, port: int, env: Mapping[str, str]) -> None:
        self._address = (host, port)
        self._env = env
        self.child = Child("The API", grace=API_STOP_SECONDS)

    def spawn(self) -> None:
        self.child.spawn([sys.executable, "-m", "service", "api", "--unchecked"], env=self._env)

    def wait(self) -> None:
        self.child.wait_until(self._is_ready, seconds=API_START_SECONDS)

    def _is_ready(self) -> bool:
        host, port = self._address
        return answers(port, b"GET /readyz HTTP/1.0\r\n\r\n", b"HTTP/1.1 200", host=host)


class Up:
    """Starts the servers, keeps them running, stops them in the opposite order."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._servers: list[Server] = []
        self._restarts: defaultdict[str, list[float]] = defaultdict(list)

    def run(self) -> None:
        """Run until SIGINT or SIGTERM.

        Raises:
            StartupError: Something does not come up or keeps ending.
            SettingsError: A setting is missing or wrong.
            DatabaseNotReady: The database that was given cannot be used.
        """
        signal.signal(signal.SIGTERM, _interrupt)
        began = time.monotonic()
        try:
            banner = self._start()
            _say(
                f"\nGlasshouse is ready after {time.monotonic() - began:.1f} s\n\n{banner}\n\nCtrl-C stops everything.\n"
            )
            self._watch()
        except KeyboardInterrupt:
            _say("Stopping")
        finally:
            self._stop()

    def _start(self) -> str:
        """Start everything and return what is where."""
        host, port = self._options.host, self._options.port
        if not can_listen(host, port):
            msg = f"Port {port} on {host} is taken: stop what listens there, or choose another with --port"
            raise StartupError(msg)
        folder = DataFolder(self._options.data)
        embedded, given = _embedded(folder)
        settings = Settings.load(**given, host=host, port=port, workers=self._options.workers)
        # The API takes longest to import: it starts beside its servers, and is ready when the schema is.
        api = Api(host, port, _environment(given, self._options))
        self._spawn(*embedded, api)
        for server in embedded:
            server.wait()
        sample_password = folder.secret("sample-users", length=9) if "database_url" in given else None
        asyncio.run(self._prepare(settings, sample_password))
        api.wait()
        return _banner(settings, self._options.data, sample_password)

    def _spawn(self, *servers: Server) -> None:
        for server in servers:
            self._servers.append(server)
            server.spawn()

    async def _prepare(self, settings: Settings, sample_password: str | None) -> None:
        """Migrate; and fill our own database, but never one that was given."""
        await migrate(settings.database_url)
        if sample_password:
            await seed(
                settings.database_url,
                password=sample_password,
                products=self._options.products,
                progress=show_progress,
            )

    def _watch(self) -> None:
        while True:
            time.sleep(WATCH_SECONDS)
            for server in self._servers:
                if not server.child.is_running:
                    self._restart(server)

    def _restart(self, server: Server) -> None:
        name = server.child.name
        server.child.kill()
        now = time.monotonic()
        recent = [moment for moment in self._restarts[name] if now - moment < RESTART_WINDOW_SECONDS]
        if len(recent) == MAX_RESTARTS:
            msg = f"{name} keeps ending: {server.child.last_words()}"
            raise StartupError(msg)
        self._restarts[name] = [*recent, now]
        _say(f"{name} has ended; starting it again")
        try:
            server.spawn()
            server.wait()
        except StartupError as error:
            _say(str(error))
            time.sleep(2 ** len(recent) * RESTART_DELAY_SECONDS)

    def _stop(self) -> None:
        try:
            for server in reversed(self._servers):
                server.child.stop()
        except KeyboardInterrupt:
            for server in reversed(self._servers):
                server.child.kill()


def _embedded(folder: DataFolder) -> tuple[list[Server], dict[str, Any]]:
    """The servers that the environment does not give us, and the settings that lead to them."""
    servers: list[Server] = []
    given: dict[str, Any] = {}
    if not os.environ.get("DATABASE_URL"):
        postgres = EmbeddedPostgres(folder.path, password=folder.secret("postgres"))
        servers.append(postgres)
        given["database_url"] = postgres.url
        given["token_secret"] = os.environ.get("TOKEN_SECRET") or folder.secret("token")
    if not os.environ.get("REDIS_URL"):
        valkey = EmbeddedValkey(folder.path, password=folder.secret("valkey"))
        servers.append(valkey)
        given["redis_url"] = valkey.url
    return servers, given


def _environment(given: Mapping[str, Any], options: Options) -> dict[str, str]:
    chosen = {**given, "host": options.host, "port": options.port, "workers": options.workers}
    return {**os.environ, **{name.upper(): str(value) for name, value in chosen.items()}}


def _banner(settings: Settings, data: Path, sample_password: str | None) -> str:
    base = f"http://{settings.host}:{settings.port}"
    rows = {
        "API": f"{base}/products",
        "Docs": f"{base}/docs",
        "Metrics": f"{base}/metrics",
        "Health": f"{base}/readyz",
        "Users": f"reader@, editor@ and operator@example.com, password {sample_password}",
        "Data": str(data),
    }
    if sample_password is None:
        del rows["Users"]
    return "\n".join(f"  {name:<8} {value}" for name, value in rows.items())


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 (the terminal is this program's interface)
