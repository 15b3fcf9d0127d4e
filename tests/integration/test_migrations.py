import asyncio

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from service.infra.single_connection import single_connection
from service.migrations.run import pending, target_metadata, upgrade
from service.settings import DatabaseSettings


async def test_a_migrated_database_is_what_the_models_say(database_url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return list(compare_metadata(context, target_metadata()))

    async with single_connection(_asyncpg(database_url)) as connection:
        assert await connection.run_sync(differences) == []


async def test_all_migrations_are_pending_until_they_are_applied(empty_database_url: str) -> None:
    url = _asyncpg(empty_database_url)
    missing = await pending(url)
    assert missing[0] == "0001_initial"
    assert await upgrade(url) == missing
    assert await pending(url) == []
    assert await upgrade(url) == []


async def test_of_two_migrations_that_start_together_one_does_the_work(empty_database_url: str) -> None:
    url = _asyncpg(empty_database_url)
    missing = await pending(url)
    applied = await asyncio.gather(*(upgrade(url) for _ in range(4)))
    assert sorted(applied, key=len) == [[], [], [], missing]


def _asyncpg(url: str) -> str:
    return DatabaseSettings(database_url=url).database_url
