"""Who waits in PostgreSQL for what a test has locked."""

import asyncio

import asyncpg

_BLOCKED = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def until_blocked(locks: asyncpg.Connection) -> None:
    """Until somebody waits for what this transaction has locked."""
    async with asyncio.timeout(60):
        while not await locks.fetchval(_BLOCKED):
            # Inside a transaction, PostgreSQL would show the first answer again.
            await locks.execute("SELECT pg_stat_clear_snapshot()")
