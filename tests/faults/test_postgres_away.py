"""Without PostgreSQL what was read lately is still read, and what was not is refused at once."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psutil
import pytest
import structlog
from redis.asyncio import Redis

from service.infra.embedded.postgres import EmbeddedPostgres
from service.migrations.run import upgrade
from service.settings import Settings
from tests.integration.cache.conftest import eventually, grow_old
from tests.integration.conftest import Api, serving


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


@contextmanager
def frozen(postgres: EmbeddedPostgres) -> Iterator[None]:
    """It takes connections and says nothing, until the end of the block."""
    processes = everything_of(postgres)
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


@pytest.fixture
async def hasty(settings: Settings, postgres: EmbeddedPostgres) -> Settings:
    """Little patience with a PostgreSQL that may be hurt."""
    patience = {"redis_timeout": 5.0, "statement_timeout": 0.5, "connect_timeout": 0.5, "pool_timeout": 0.5}
    hasty = Settings(
        **{**settings.model_dump(), "database_url": postgres.url, "cache_local_seconds": 0.0, **patience}
    )
    await upgrade(hasty.database_url)
    return hasty


@pytest.mark.parametrize("fate", ["killed", "frozen"])
async def test_old_answers_are_given_and_new_questions_are_refused(
    hasty: Settings, postgres: EmbeddedPostgres, fate: str
) -> None:
    async with serving(hasty) as api, Redis.from_url(hasty.redis_url) as redis:
        product = await api.create_product()
        paths = [f"/products/{product['id']}", "/products"]
        before = [(await api.client.get(path)).content for path in paths]
        await grow_old(redis, 600)
        if fate == "killed":
            postgres.child.kill()
        with frozen(postgres) if fate == "frozen" else nullcontext():
            answers = [await api.client.get(path) for path in paths]
            refused = await api.client.get("/products?limit=7")
        assert [answer.status_code for answer in answers] == [200, 200]
        assert [answer.content for answer in answers] == before
        assert {answer.headers["x-cache"] for answer in answers} == {"STALE"}
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)


async def refusals(api: Api) -> list[tuple[int, str | None]]:
    """Of a read, a write and the question whether we are ready."""
    answers = [
        await api.client.get("/items/1"),
        await api.client.post("/items/1/adjust", json={"delta": 1}, headers=api.as_writer()),
        await api.client.get("/readyz"),
    ]
    return [(answer.status_code, answer.headers.get("retry-after")) for answer in answers]


@pytest.mark.parametrize("is_new", [False, True])
async def test_a_server_that_says_nothing_is_waited_for_once_and_used_again_when_it_speaks(
    hasty: Settings,
    postgres: EmbeddedPostgres,
    events: list[structlog.typing.EventDict],
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_new: bool,
) -> None:
    monkeypatch.setattr("service.infra.cache.invalidations.DELIVERY_SECONDS", 3600)

    def told(event: str) -> int:
        return [each["event"] for each in events].count(event)

    async with serving(hasty) as warm, serving(hasty) as cold:
        product = await warm.create_product()
        cached = f"/products/{product['id']}"
        await warm.client.get(cached)
        api = cold if is_new else warm

        async def is_well() -> bool:
            return (await api.client.get("/readyz")).status_code == 200

        with frozen(postgres):
            assert (await api.client.get("/items/1")).status_code == 503
            assert await refusals(api) == [(503, "1")] * 3
            assert (await api.client.get(cached)).headers["x-cache"] == "HIT"
            # Whoever waits for PostgreSQL in vain says so.
            assert (told("database_unavailable"), told("server_left_alone")) == (1, 1)
        await eventually(is_well)
        await api.create_product()
        assert told("server_used_again") == 1
