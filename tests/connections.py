"""What processes of the service hold of PostgreSQL, as it knows."""

import asyncio
from typing import Any

import asyncpg

# Of the database that is asked. Those of tests have no such name.
COUNT = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name LIKE 'glasshouse-%'"
)


class Witness:
    """Asks PostgreSQL for a row whenever it is told to, on any thread."""

    def __init__(self, database_url: str, question: str = COUNT) -> None:
        self.answers: list[tuple[Any, ...]] = []
        self._url = database_url
        self._question = question

    def look(self) -> None:
        asyncio.run(self._look())

    async def _look(self) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            row = await connection.fetchrow(self._question)
        finally:
            await connection.close()
        self.answers.append(tuple(row or ()))


async def until_closed(postgres: asyncpg.Connection) -> None:
    """A backend takes a moment to notice that its client has left."""
    async with asyncio.timeout(60):
        while await postgres.fetchval(COUNT):  # noqa: ASYNC110 (PostgreSQL alone knows)
            await asyncio.sleep(0.02)
