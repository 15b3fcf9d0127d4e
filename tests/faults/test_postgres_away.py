"""Without PostgreSQL what was read lately is still read."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis

from service.infra.embedded.postgres import EmbeddedPostgres
from service.migrations.run import upgrade
from service.settings import Settings
from tests.integration.cache.conftest import grow_old
from tests.integration.conftest import serving


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of the test's own."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)  # PostgreSQL runs as another user when the tests run as root
    postgres = EmbeddedPostgres(tmp_path, password="tests", durable=False)
    postgres.spawn()
    postgres.wait()
    yield postgres
    postgres.child.kill()


def everything_of(postgres: EmbeddedPostgres) -> list[psutil.Process]:
    parent = psutil.Process(postgres.child.pid)
    return [parent, *parent.children(recursive=True)]


@pytest.mark.parametrize("fate", ["killed", "frozen"])
async def test_old_answers_are_given_and_new_questions_are_refused(
    settings: Settings, postgres: EmbeddedPostgres, fate: str
) -> None:
    patient = {"redis_timeout": 5.0, "statement_timeout": 0.5, "connect_timeout": 0.5, "pool_timeout": 0.5}
    chosen = Settings(
        **{**settings.model_dump(), "database_url": postgres.url, "cache_local_seconds": 0.0, **patient}
    )
    await upgrade(chosen.database_url)
    async with serving(chosen) as api, Redis.from_url(chosen.redis_url) as redis:
        product = await api.create_product()
        paths = [f"/products/{product['id']}", "/products"]
        before = [(await api.client.get(path)).content for path in paths]
        await grow_old(redis, 600)
        frozen = everything_of(postgres) if fate == "frozen" else []
        for process in frozen:
            process.suspend()
        if fate == "killed":
            postgres.child.kill()
        try:
            answers = [await api.client.get(path) for path in paths]
            refused = await api.client.get("/products?limit=7")
        finally:
            # asyncpg asks the server to cancel, and waits for its answer: let it have one.
            for process in frozen:
                process.resume()
        assert [answer.status_code for answer in answers] == [200, 200]
        assert [answer.content for answer in answers] == before
        assert {answer.headers["x-cache"] for answer in answers} == {"STALE"}
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
