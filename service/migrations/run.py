"""The schema of the database, forwards."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text

from service.infra.orm import Base
from service.infra.single_connection import single_connection

MODELS = (
    "service.products.models",
    "service.items.models",
    "service.users.models",
    "service.images.models",
    "service.webhooks.models",
    "service.infra.cache.models",
)
LOCK = 0x676C617373  # one migration at a time, however many processes start together


def target_metadata() -> MetaData:
    """The metadata of every model."""
    for module in MODELS:
        import_module(module)
    return Base.metadata


async def upgrade(database_url: str) -> list[str]:
    """Apply the pending migrations and return their names, oldest first."""
    return await _on(database_url, _upgrade)


async def pending(database_url: str) -> list[str]:
    """The names of the migrations that the database still lacks, oldest first."""
    return await _on(database_url, pending_on)


def pending_on(connection: Connection) -> list[str]:
    """The names of the migrations that the database behind this connection still lacks, oldest first."""
    current = MigrationContext.configure(connection).get_current_revision()
    known = _revisions()
    if current is None:
        return list(known)
    # One that is not known here comes from a newer release, which is rolled out beside this one.
    return list(known[known.index(current) + 1 :]) if current in known else []


@cache
def _revisions() -> tuple[str, ...]:
    """Every migration, oldest first. They are files: readiness must not read them again and again."""
    script = ScriptDirectory.from_config(_config())
    return tuple(revision.revision for revision in script.walk_revisions())[::-1]


def _upgrade(connection: Connection) -> list[str]:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    missing = pending_on(connection)
    if missing:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return missing


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


async def _on(database_url: str, work: Callable[[Connection], list[str]]) -> list[str]:
    async with single_connection(database_url) as connection:
        return await connection.run_sync(work)
