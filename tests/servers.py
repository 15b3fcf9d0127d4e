"""Real PostgreSQL and Valkey for tests: fast, and gone afterwards."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.infra.embedded.postgres import EmbeddedPostgres
from service.infra.embedded.valkey import EmbeddedValkey
from service.migrations.run import upgrade
from service.settings import DatabaseSettings

VALKEY_DATABASES = 2000


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are. A new database is migrated already: it is a copy of `template1`."""

    admin_url: str
    redis_url: str


@contextmanager
def running_servers(*, durable: bool = False) -> Iterator[Servers]:
    """Both servers, with nothing in them but a migrated template for databases; only if durable does PostgreSQL wait for its disk."""
    folder = Path(tempfile.mkdtemp(prefix="glasshouse-tests-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user when the tests run as root
    postgres = EmbeddedPostgres(folder, password="tests", durable=durable)
    valkey = EmbeddedValkey(folder, password="tests", databases=VALKEY_DATABASES)
    try:
        postgres.spawn()
        valkey.spawn()
        postgres.wait()
        valkey.wait()
        asyncio.run(upgrade(DatabaseSettings(database_url=postgres.url_of("template1")).database_url))
        yield Servers(
            admin_url=postgres.url_of("postgres"),
            redis_url=valkey.url.removesuffix("/0"),
        )
    finally:
        postgres.child.stop()
        valkey.child.stop()
        shutil.rmtree(folder, ignore_errors=True)
