"""PostgreSQL behind two pools: one-shot reads in AUTOCOMMIT, and short transactions for writes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar, cast

import asyncpg
import structlog
from sqlalchemy import Connection, ExceptionContext, Executable, Row, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.util import greenlet_spawn

from service.errors import Unavailable
from service.infra.breaker import Breaker
from service.infra.single_connection import single_connection
from service.infra.tasks import Tasks
from service.settings import Settings

T = TypeVar("T")
Parameters = Mapping[str, Any]

# Classes and codes of https://www.postgresql.org/docs/18/errcodes-appendix.html that say "not now": connection lost,
# we are not let in, no such database, deadlock, out of resources, operator intervention (shutdown, statement
# timeout), lock not available, a server that only reads (it was the primary, or is not yet).
_NOT_NOW = ("08", "28", "3D", "40", "53", "57", "55P03", "25006")
# Of a server that only reads or is about to end: what else is connected to it had better connect anew.
_LEAVE_SERVER = ("25006", "57P01", "57P02")
UNDEFINED_TABLE = "42P01"

log = structlog.get_logger(__name__)


class DatabaseUnavailable(Unavailable):
    """PostgreSQL did not answer in time or not at all."""

    def __init__(self, detail: str = "The database cannot answer right now") -> None:
        super().__init__(detail, retry_after=1)


class Database:
    """The two engines of a process. Nothing is connected until the first query.

    Who waits in vain for an answer that PostgreSQL owes (it keeps the time of statements itself) is the last to wait:
    until it answers again, others are refused at once. One that refuses connections is asked: it costs nothing.
    """

    def __init__(self, settings: Settings) -> None:
        self._url, self._patience = settings.database_url, settings.connect_timeout
        self._tasks = Tasks()
        self._breaker = Breaker("postgresql", self._recover, self._tasks, faults=(OSError,))
        self.reader = _engine(settings, "read", settings.read_pool_size, isolation_level="AUTOCOMMIT")
        self.writer = _refusing_closed(_engine(settings, "write", settings.write_pool_size))
        self._sessions = async_sessionmaker(self.writer, expire_on_commit=False)

    async def fetch_all(self, statement: Executable, parameters: Parameters) -> Sequence[Row[Any]]:
        """Run one reading statement and return its rows; raises what `read` does."""
        return await self.read(lambda connection: connection.execute(statement, parameters).all())

    async def fetch_one(self, statement: Executable, parameters: Parameters) -> Row[Any] | None:
        """Run one reading statement and return its first row, or None; raises what `read` does."""
        return await self.read(lambda connection: connection.execute(statement, parameters).first())

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Do reading work on a connection in AUTOCOMMIT.

        Raises:
            DatabaseUnavailable: No connection or no answer in time.
        """
        with self._translated():
            try:
                return await greenlet_spawn(self._on_reader, work)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                # A pooled connection had died (the server restarted): reading again is safe.
                return await greenlet_spawn(self._on_reader, work)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is committed at the end of the block, or rolled back by an exception.

        Raises:
            DatabaseUnavailable: No connection, no lock or no answer in time.
        """
        with self._translated():
            async with self._sessions.begin() as session:
                yield session

    async def close(self) -> None:
        await self._tasks.close()
        await self.reader.dispose()
        await self.writer.dispose()

    def _on_reader(self, work: Callable[[Connection], T]) -> T:
        # Connecting, executing and releasing in one greenlet costs a fifth less than
        # AsyncConnection, which switches greenlets for each of the three.
        with self.reader.sync_engine.connect() as connection:
            return work(connection)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._breaker.is_open:
            raise DatabaseUnavailable
        try:
            yield
        except PoolTimeoutError as error:
            log.warning("database_pool_exhausted", reason=str(error))
            msg = "All database connections are busy"
            raise DatabaseUnavailable(msg) from error
        except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            if not is_passing(error):
                raise
            log.warning("database_unavailable", reason=_reason(error))
            if isinstance(error, TimeoutError):
                self._breaker.open(error)
            raise DatabaseUnavailable from error

    async def _recover(self) -> None:
        """It answers, if only to refuse: others will be told as soon."""
        async with asyncio.timeout(self._patience):
            with suppress(DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError):
                async with single_connection(self._url):
                    pass


def autocommit_engine(settings: Settings, name: str, size: int) -> AsyncEngine:
    """A pool beside those of the requests, whose statements are transactions of their own."""
    return _refusing_closed(_engine(settings, name, size, isolation_level="AUTOCOMMIT"))


def is_passing(error: Exception) -> bool:
    """Whether the same statement may succeed in a moment."""
    if isinstance(error, OSError | asyncpg.InterfaceError | PoolTimeoutError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return sqlstate(error).startswith(_NOT_NOW)


def sqlstate(error: BaseException) -> str:
    """The code that PostgreSQL gave the error; empty when it is not PostgreSQL's."""
    return getattr(error, "sqlstate", None) or getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _reason(error: Exception) -> str:
    # Without the statement, whose parameters may be private.
    return repr(error.orig if isinstance(error, DBAPIError) else error)


def _refusing_closed(engine: AsyncEngine) -> AsyncEngine:
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: Any, _record: object, _holder: object) -> None:
    """Let the pool open another connection instead of one that the server ended while nobody used it.

    Reads can do without: they are repeated.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _leave_server(context: ExceptionContext) -> None:
    error, connection = context.original_exception, cast("Any", context.connection)
    if isinstance(error, TimeoutError):
        # Whoever gave the connection back would wait again: asyncpg has asked the server to cancel, which says nothing.
        connection.connection.driver_connection.terminate()
        context.is_disconnect = True
    elif sqlstate(error) in _LEAVE_SERVER:
        context.is_disconnect = True


def _engine(settings: Settings, name: str, size: int, **options: Any) -> AsyncEngine:
    milliseconds = int(settings.statement_timeout * 1000)
    engine = create_async_engine(
        settings.database_url,
        pool_logging_name=name,
        hide_parameters=True,  # errors end in logs, and parameters are e-mail addresses and password hashes
        pool_size=size,
        max_overflow=0,
        pool_timeout=settings.pool_timeout,
        pool_recycle=settings.pool_recycle,
        connect_args={
            "timeout": settings.connect_timeout,
            "command_timeout": settings.statement_timeout + 1,
            "server_settings": {
                "application_name": f"glasshouse-{name}",
                "statement_timeout": str(milliseconds),
                "lock_timeout": str(milliseconds // 2),
                "idle_in_transaction_session_timeout": str(milliseconds * 2),
                "jit": "off",
            },
        },
        **options,
    )
    event.listen(engine.sync_engine, "handle_error", _leave_server)
    return engine


def violated_constraint(error: IntegrityError) -> str | None:
    """The name of the constraint that the statement would have broken."""
    name = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
    return str(name) if name else None
