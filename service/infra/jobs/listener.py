"""The connection on which a worker hears of new jobs; and, for one worker of all, the right to report on the queue."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from service.infra.jobs.broker import CHANNEL, FAULTS

log = structlog.get_logger(__name__)

RECONNECT_SECONDS = 0.5
# A notification that does not come costs up to `worker.POLL_SECONDS`, for as long as nobody notices why.
ASK_SECONDS = 5.0
_REPORTER = (
    0x6A6F6273  # advisory lock: PostgreSQL releases it with the connection, whatever becomes of the worker
)


class Listener:
    """Listens for notifications, and connects again when the connection is lost."""

    def __init__(self, engine: AsyncEngine) -> None:
        """`engine` is in AUTOCOMMIT; one of its connections is kept."""
        self._engine = engine
        self._connection: Any = None
        self._is_reporter = False
        self._asking = asyncio.Lock()

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` at every notification, and when some may have been missed; for ever."""
        while True:
            try:
                await self._listen(heard)
            except FAULTS as error:
                log.warning("queue_not_heard", reason=repr(error))
            await asyncio.sleep(RECONNECT_SECONDS)

    async def fetch_as_reporter(self, query: str, *args: object) -> list[Any] | None:
        """The rows, or None unless this worker is the one of all that reports. Raises what asyncpg raises."""
        async with self._asking:
            connection = self._connection
            if connection is None:
                return None
            if not self._is_reporter:
                self._is_reporter = await connection.fetchval("SELECT pg_try_advisory_lock($1)", _REPORTER)
            if not self._is_reporter:
                return None
            rows: list[Any] = await connection.fetch(query, *args)
            return rows

    async def _listen(self, heard: Callable[[], None]) -> None:
        async with self._engine.connect() as pooled:
            raw: Any = (await pooled.get_raw_connection()).driver_connection
            lost = asyncio.Event()
            raw.add_termination_listener(lambda _: lost.set())
            await raw.add_listener(CHANNEL, lambda *_: heard())
            self._connection, self._is_reporter = raw, False
            heard()
            try:
                await self._until_lost(raw, lost)
            finally:
                self._connection = None
                # It listens, and may have the lock: nobody else may get it from the pool.
                await pooled.invalidate()

    async def _until_lost(self, connection: Any, lost: asyncio.Event) -> None:
        """Nobody tells us that a connection is half-open: it has to be asked. Raises what asyncpg raises."""
        while not lost.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(ASK_SECONDS):
                    await lost.wait()
                    return
            async with self._asking:
                await connection.fetchval("SELECT 1")
