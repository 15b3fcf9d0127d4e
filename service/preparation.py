"""Getting a database ready: its schema and the sample catalogue."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from service.infra.passwords import Passwords
from service.migrations import run as migrations
from service.sample.loader import Loaded, Progress, load


class DatabaseNotReady(Exception):
    """The database cannot be used as it is; the message says what to change."""


async def migrate(database_url: str) -> list[str]:
    """Apply the pending migrations and return their names.

    Raises:
        DatabaseNotReady: It cannot be reached, or refuses us.
    """
    with _reaching(database_url):
        return await migrations.upgrade(database_url)


async def require_migrated(database_url: str) -> None:
    """Raise DatabaseNotReady unless the schema is up to date."""
    with _reaching(database_url):
        pending = await migrations.pending(database_url)
    if pending:
        msg = f"The database lacks the migrations {', '.join(pending)}: run `python -m service migrate`"
        raise DatabaseNotReady(msg)


async def seed(database_url: str, *, password: str, products: int, progress: Progress) -> Loaded:
    """Fill an empty catalogue with samples, and give the sample users this password.

    Raises:
        DatabaseNotReady: It cannot be reached, refuses us, or is not migrated.
    """
    await require_migrated(database_url)
    async with _connection(database_url) as connection:
        if await connection.fetchval("SELECT EXISTS (SELECT FROM products)"):
            return Loaded()
        password_hash = await Passwords(concurrency=1).hash(password)
        return await load(connection, password_hash=password_hash, products=products, progress=progress)


@asynccontextmanager
async def _connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with _reaching(database_url):
        connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@contextmanager
def _reaching(database_url: str) -> Iterator[None]:
    url = make_url(database_url)
    try:
        yield
    except OSError as error:
        msg = f"Nothing answers at {url.host}:{url.port or 5432} ({error}): is DATABASE_URL right, and the server running?"
        raise DatabaseNotReady(msg) from error
    except (DBAPIError, asyncpg.PostgresError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        msg = f"PostgreSQL at {url.host}:{url.port or 5432} refuses: {cause}. Check DATABASE_URL"
        raise DatabaseNotReady(msg) from error
