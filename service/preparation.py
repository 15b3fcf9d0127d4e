"""Getting the servers ready: reachable, with their schema and the sample catalogue."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from service.infra.passwords import Passwords
from service.infra.single_connection import CONNECT_SECONDS, single_connection
from service.infra.start import StartupError
from service.migrations import run as migrations
from service.sample.loader import Loaded, Progress, load

AGAIN_SECONDS = 0.1


async def migrate(database_url: str) -> list[str]:
    """Apply the pending migrations and return their names.

    Raises:
        StartupError: The database cannot be reached, or refuses us.
    """
    with refusals_in_words(database_url):
        return await migrations.upgrade(database_url)


async def require_migrated(database_url: str) -> None:
    """Raise StartupError unless the schema is up to date."""
    with refusals_in_words(database_url):
        pending = await migrations.pending(database_url)
    if pending:
        msg = f"The database lacks the migrations {', '.join(pending)}: run `python -m service migrate`"
        raise StartupError(msg)


async def until_migrated(database_url: str) -> None:
    """Return as soon as the database can be reached and its schema is up to date."""
    while True:
        with suppress(StartupError):
            return await require_migrated(database_url)
        await asyncio.sleep(AGAIN_SECONDS)


async def seed(database_url: str, *, password: str, products: int, progress: Progress) -> Loaded:
    """Fill an empty catalogue with samples, and give the sample users this password.

    Raises:
        StartupError: The database cannot be reached, refuses us, or is not migrated.
    """
    await require_migrated(database_url)
    with refusals_in_words(database_url):
        async with single_connection(database_url) as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection
            if await raw.fetchval("SELECT EXISTS (SELECT FROM products)"):
                return Loaded()
            password_hash = await Passwords(concurrency=1).hash(password)
            return await load(raw, password_hash=password_hash, products=products, progress=progress)


async def require_redis(redis_url: str) -> None:
    """Raise StartupError unless Redis answers."""
    client = Redis.from_url(
        redis_url,
        socket_timeout=CONNECT_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        msg = f"Redis does not answer ({error}): is REDIS_URL right, and the server running?"
        raise StartupError(msg) from error
    finally:
        await client.aclose()


@contextmanager
def refusals_in_words(database_url: str) -> Iterator[None]:
    """Raise StartupError, in words, for what says that the database cannot be used."""
    url = make_url(database_url)
    address = f"{url.host}:{url.port or 5432}"
    try:
        yield
    except (OSError, UnicodeError) as error:
        reason = str(error) or f"no answer within {CONNECT_SECONDS:.0f} s"
        msg = (
            f"Cannot reach PostgreSQL at {address} ({reason}): is DATABASE_URL right, and the server running?"
        )
        raise StartupError(msg) from error
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        msg = f"PostgreSQL at {address} refuses: {cause}. Check DATABASE_URL"
        raise StartupError(msg) from error
