import asyncio

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from service.infra.jobs.broker import queries_on
from service.infra.single_connection import single_connection
from service.migrations.run import pending, target_metadata, upgrade
from service.settings import DatabaseSettings


async def test_a_migrated_database_is_what_the_models_say(database_url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "compare_server_default": True, "include_name": _is_ours},
        )
        return list(compare_metadata(context, target_metadata()))

    async with single_connection(_asyncpg(database_url)) as connection:
        assert await connection.run_sync(differences) == []


async def test_the_queue_is_what_the_installed_pgqueuer_wants(database_url: str) -> None:
    engine = create_async_engine(_asyncpg(database_url), isolation_level="AUTOCOMMIT")
    plan = await queries_on(engine).plan_upgrade()
    await engine.dispose()
    assert (plan.statements, plan.notes) == ((), ())


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


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether a table has a model: those of PgQueuer have none."""
    return kind != "table" or not str(name).startswith("pgqueuer")
