"""Everything on one machine: PostgreSQL, Valkey, a mailbox, the API and a worker as children of one supervisor."""

import asyncio
import os
import signal
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from service.children import Api, Mailbox, Server, Worker
from service.infra.embedded.folder import DataFolder
from service.infra.embedded.ports import free_port, require_listenable
from service.infra.embedded.postgres import EmbeddedPostgres
from service.infra.embedded.valkey import EmbeddedValkey
from service.infra.start import StartupError
from service.settings import Settings
from service.terminal import say, show_progress

WATCH_SECONDS = 0.1
MAX_RESTARTS = 5
RESTART_WINDOW_SECONDS = 60.0
RESTART_DELAY_SECONDS = 0.1
OTHER_CONNECTIONS, CONNECTIONS_PER_WORKER = 80, 20
WORKER_PORT_OFFSET, HIGHEST_PORT = 100, 65_535
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 (compared, not listened on)


@dataclass(frozen=True, slots=True)
class Options:
    """What `python -m service up` can be told."""

    host: str
    port: int
    workers: int
    data: Path
    products: int


@dataclass(frozen=True, slots=True)
class Embedded:
    """The servers that the environment does not give us, and the settings that lead to them."""

    postgres: EmbeddedPostgres | None
    valkey: EmbeddedValkey | None
    mailbox: Mailbox | None
    settings: Mapping[str, Any]

    @property
    def servers(self) -> list[Server]:
        return [server for server in (self.postgres, self.valkey) if server]


class Up:
    """Starts the servers, keeps them running, stops them in the opposite order."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._servers: list[Server] = []
        self._restarts: defaultdict[str, list[float]] = defaultdict(list)

    def run(self) -> None:
        """Run until Ctrl-C, SIGTERM or the end of the terminal.

        Raises:
            StartupError: Something does not come up, keeps ending, or was given and cannot be used.
            SettingsError: A setting is missing or wrong.
        """
        _make_each_stop_signal_an_interrupt()
        began = time.monotonic()
        try:
            banner = self._start()
            say(f"\nGlasshouse is ready after {time.monotonic() - began:.1f} s\n\n{banner}\n")
            self._watch()
        except KeyboardInterrupt:
            # First of all: whoever reads that it stops may be in a hurry.
            self._hear_of_haste()
            say("Stopping")
        finally:
            self._stop()

    def _start(self) -> str:
        """Start everything and return what is where."""
        options = self._options
        folder = DataFolder(options.data)
        embedded = _embedded(folder, options)
        settings = Settings.load(
            **embedded.settings, host=options.host, port=options.port, workers=options.workers
        )
        environment = _environment(embedded.settings, options)
        api = Api(options.host, options.port, settings.drain_seconds, environment, folder.path)
        worker = Worker(settings, environment, folder.path)
        behind = [server for server in (embedded.mailbox, worker) if server]
        for server in (*embedded.servers, api, *behind):
            server.child.stop_leftover()
        require_listenable(options.host, options.port, host_option="--host", port_option="--port")
        # The API takes longest to import: it starts beside its servers, and is ready when the schema is.
        self._spawn(*embedded.servers, api)
        for server in embedded.servers:
            server.wait()
        sample_password = folder.secret("sample-users", length=9) if embedded.postgres else None
        asyncio.run(self._prepare(settings, embedded, sample_password))
        api.wait()
        # Jobs can wait, a person at the terminal should not: these are there a second or two after the banner.
        self._spawn(*behind)
        return _banner(settings, embedded, options.data, sample_password)

    def _spawn(self, *servers: Server) -> None:
        for server in servers:
            self._servers.append(server)
            server.spawn()

    async def _prepare(self, settings: Settings, embedded: Embedded, sample_password: str | None) -> None:
        """Check and migrate; and fill our own database, but never one that was given."""
        # This imports SQLAlchemy and alembic, which takes as long as the servers take to start.
        from service.preparation import migrate, require_redis, seed  # noqa: PLC0415

        if not embedded.valkey:
            await require_redis(settings.redis_url)
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
        say(f"{name} has ended; starting it again")
        try:
            server.spawn()
            server.wait()
        except StartupError as error:
            say(str(error))
            time.sleep(2 ** len(recent) * RESTART_DELAY_SECONDS)

    def _stop(self) -> None:
        self._hear_of_haste()
        for server in reversed(self._servers):
            server.child.stop()

    def _hear_of_haste(self) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, self._stop_at_once)

    def _stop_at_once(self, _signal: int, _frame: FrameType | None) -> None:
        for server in self._servers:
            server.child.kill_without_waiting()


def _make_each_stop_signal_an_interrupt() -> None:
    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGHUP, interrupt)


def _embedded(folder: DataFolder, options: Options) -> Embedded:
    postgres = valkey = mailbox = None
    settings: dict[str, Any] = {}
    if not os.environ.get("DATABASE_URL"):
        connections = OTHER_CONNECTIONS + options.workers * CONNECTIONS_PER_WORKER
        postgres = EmbeddedPostgres(
            folder.path, password=folder.secret("postgres"), max_connections=connections
        )
        settings["database_url"] = postgres.url
        settings["token_secret"] = os.environ.get("TOKEN_SECRET") or folder.secret("token")
    if not os.environ.get("REDIS_URL"):
        valkey = EmbeddedValkey(folder.path, password=folder.secret("valkey"))
        settings["redis_url"] = valkey.url
    if not os.environ.get("SMTP_URL"):
        mailbox = Mailbox(folder.path)
        settings["smtp_url"] = mailbox.smtp_url
    if not os.environ.get("WORKER_METRICS_PORT"):
        # Where `make stack` looks for it.
        settings["worker_metrics_port"] = free_port(min(options.port + WORKER_PORT_OFFSET, HIGHEST_PORT))
    return Embedded(postgres, valkey, mailbox, settings)


def _environment(given: Mapping[str, Any], options: Options) -> dict[str, str]:
    chosen = {**given, "host": options.host, "port": options.port, "workers": options.workers}
    return {**os.environ, **{name.upper(): str(value) for name, value in chosen.items()}}


def _banner(settings: Settings, embedded: Embedded, data: Path, sample_password: str | None) -> str:
    base = _base(settings.host, settings.port)
    metrics = _base(settings.admin_host, settings.admin_port) if settings.admin_port else base
    rows = {
        "API": f"{base}/products",
        "Docs": f"{base}/docs",
        "Metrics": f"{metrics}/metrics",
        "Health": f"{base}/readyz",
        "Worker": f"{_base(settings.worker_metrics_host, settings.worker_metrics_port)}/metrics",
    }
    if embedded.mailbox:
        rows["Mail"] = f"{_base('127.0.0.1', embedded.mailbox.port)}/, files in {data / 'mail'}"
    if sample_password:
        rows["Users"] = f"reader@, editor@ and operator@example.com, password {sample_password}"
    if embedded.postgres:
        rows["PostgreSQL"] = f"{embedded.postgres.address}, password in {data / 'postgres.secret'}"
    if embedded.valkey:
        rows["Valkey"] = f"{embedded.valkey.address}, password in {data / 'valkey.secret'}"
    rows["Data"] = str(data)
    return "\n".join(f"  {name:<11} {value}" for name, value in rows.items()) + "\n\nCtrl-C stops everything."


def _base(host: str, port: int) -> str:
    """The beginning of the URLs there, as somebody on this machine would type it."""
    if host in WILDCARDS:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
