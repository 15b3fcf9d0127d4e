import asyncpg

from service.migrations.run import _revisions
from service.settings import Settings
from tests.integration.conftest import Api, serving

ALL_WELL = {"database": "ok", "migrations": "ok", "redis": "ok"}


async def readiness(api: Api) -> tuple[int, str, dict[str, str]]:
    answer = await api.client.get("/readyz")
    assert answer.headers.get("retry-after") == ("1" if answer.status_code == 503 else None)
    return answer.status_code, answer.json()["status"], answer.json()["checks"]


async def test_the_process_is_alive(api: Api) -> None:
    answer = await api.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_ready_when_the_database_is_migrated_and_redis_answers(api: Api) -> None:
    assert await readiness(api) == (200, "ready", ALL_WELL)


async def test_without_redis_the_service_is_degraded_but_ready(settings: Settings) -> None:
    async with serving(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})) as api:
        assert await readiness(api) == (200, "degraded", ALL_WELL | {"redis": "Redis does not answer"})


async def test_without_its_database_the_service_is_alive_but_not_ready(settings: Settings) -> None:
    away = settings.model_copy(update={"database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/none"})
    async with serving(away) as api:
        database = {"database": "The database cannot answer right now", "migrations": "unknown"}
        assert await readiness(api) == (503, "unavailable", ALL_WELL | database)
        assert (await api.client.get("/healthz")).status_code == 200


async def test_not_ready_until_the_database_is_migrated(api: Api, postgres: asyncpg.Connection) -> None:
    revision = await postgres.fetchval("SELECT version_num FROM alembic_version")
    await postgres.execute("DELETE FROM alembic_version")
    pending = ALL_WELL | {"migrations": f"pending: {', '.join(_revisions())}"}
    assert await readiness(api) == (503, "unavailable", pending)
    await postgres.execute("INSERT INTO alembic_version VALUES ($1)", revision)
    assert await readiness(api) == (200, "ready", ALL_WELL)


async def test_ready_beside_a_newer_release_that_has_migrated_already(
    api: Api, postgres: asyncpg.Connection
) -> None:
    revision = await postgres.fetchval("SELECT version_num FROM alembic_version")
    await postgres.execute("UPDATE alembic_version SET version_num = 'of_tomorrow'")
    assert await readiness(api) == (200, "ready", ALL_WELL)
    await postgres.execute("UPDATE alembic_version SET version_num = $1", revision)
