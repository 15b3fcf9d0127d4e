"""Loads the sample catalogue through COPY."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import asyncpg

from service.sample.catalogue import Product
from service.sample.catalogue import products as catalogue_of
from service.sample.people import USERS, User
from service.sample.stock import Item, item_count, items

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection | PoolConnectionProxy

Row = TypeVar("Row")
Progress: TypeAlias = Callable[[str, int, int], None]

_REPORTS_PER_TABLE = 20
# The service's own timeouts are meant for requests.
_PATIENCE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Loaded:
    products: int = 0
    items: int = 0
    users: int = 0

    @property
    def is_nothing(self) -> bool:
        """The catalogue already had products, so it was left alone."""
        return self == Loaded()


def _unreported(_table: str, _done: int, _total: int) -> None: ...


async def load(
    connection: "Connection",
    *,
    password_hash: str,
    products: int = 10_000,
    progress: Progress = _unreported,
) -> Loaded:
    """Fill an empty catalogue, all of it or (on any failure) nothing.

    An e-mail address that is already registered keeps its user, password and scopes.

    Args:
        connection: Of asyncpg: its own, a pool's, or the raw connection below a SQLAlchemy one.
        password_hash: The hash of the password that the sample users share.
        products: How many; there are three times as many items.
        progress: Called with a table, the rows sent and the rows in all, about twenty times a table.

    Raises:
        asyncpg.UndefinedTableError: The migrations have not run.
    """
    async with connection.transaction():
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
        if products < 1 or not await _reserve_empty_catalogue(connection):
            return Loaded()
        loaded = await _load_everything(connection, password_hash, products, progress)
        await connection.execute("ANALYZE products, items, users", timeout=_PATIENCE_SECONDS)
    return loaded


async def _reserve_empty_catalogue(connection: "Connection") -> bool:
    # A second seeding, or the first product of a client, waits here until the identities are right.
    lock = "LOCK TABLE products, items IN SHARE ROW EXCLUSIVE MODE"
    await connection.execute(lock, timeout=_PATIENCE_SECONDS)
    return not await connection.fetchval("SELECT EXISTS (SELECT FROM products)")


async def _load_everything(
    connection: "Connection", password_hash: str, products: int, progress: Progress
) -> Loaded:
    catalogue = list(catalogue_of(products))
    stock = item_count(products)
    await _copy(connection, "products", Product._fields, _reported(catalogue, "products", products, progress))
    await _copy(connection, "items", Item._fields, _reported(items(catalogue), "items", stock, progress))
    users = [await _add_user(connection, user, password_hash) for user in USERS]
    progress("users", len(users), len(users))
    return Loaded(products=products, items=stock, users=sum(users))


async def _copy(
    connection: "Connection", table: str, columns: Collection[str], rows: Iterable[Product | Item]
) -> None:
    await connection.copy_records_to_table(table, columns=columns, records=rows, timeout=_PATIENCE_SECONDS)
    # The sequence may be ahead already, where products were once created and deleted.
    await connection.execute(
        f"SELECT setval(sequence, greatest(nextval(sequence), (SELECT max(id) FROM {table})))"  # noqa: S608 - our own table names
        f" FROM pg_get_serial_sequence('{table}', 'id') AS sequence"
    )


async def _add_user(connection: "Connection", user: User, password_hash: str) -> bool:
    added = await connection.fetchval(
        "INSERT INTO users (email, name, scopes, created_at, password_hash) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (email) DO NOTHING RETURNING true",
        *user,
        password_hash,
    )
    return added is not None


def _reported(rows: Iterable[Row], table: str, total: int, progress: Progress) -> Iterator[Row]:
    step = max(1, total // _REPORTS_PER_TABLE)
    for done, row in enumerate(rows, start=1):
        yield row
        if done % step == 0 or done == total:
            progress(table, done, total)
