"""What PostgreSQL does to the service, and what the service makes of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2
import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from observability.testing import recorded
from service.infra.database import Database, DatabaseUnavailable
from service.settings import Settings
from tests.integration.conftest import Api, serving
from tests.integration.problems import problem
from tests.unit.observability.server import until

TIMEOUTS = "db_client_connection_timeouts_total"


@pytest.fixture(scope="module")
async def hasty(settings: Settings) -> AsyncIterator[Api]:
    """The service with small pools and little patience."""
    impatience = {
        "read_pool_size": 2,
        "write_pool_size": 1,
        "pool_timeout": 0.5,
        "statement_timeout": 1.5,
    }
    async with serving(settings.model_copy(update=impatience)) as api:
        yield api


@pytest.fixture
def database(hasty: Api) -> Database:
    database: Database = hasty.app.state.items._database
    return database


async def assert_reads_work(api: Api) -> None:
    problem(await api.client.get("/items/1"), 404, "path.item_id")


@asynccontextmanager
async def exhausted(database: Database, pool: str) -> AsyncIterator[None]:
    engine = database.reader if pool == "read" else database.writer
    size = 2 if pool == "read" else 1
    connections = [await engine.connect() for _ in range(size)]
    try:
        yield
    finally:
        for connection in connections:
            await connection.close()


async def test_a_reader_that_gets_no_connection_in_time_is_told_when_to_come_back(
    hasty: Api, database: Database
) -> None:
    registry = hasty.app.state.telemetry.registry
    before = recorded(registry, TIMEOUTS, db_client_connection_pool_name="read") or 0
    async with exhausted(database, "read"):
        began = time.perf_counter()
        answer = await hasty.client.get("/items/1")
        waited = time.perf_counter() - began
    assert problem(answer, 503)["detail"] == "All database connections are busy"
    assert answer.headers["retry-after"] == "1"
    # A loop's timers may come a tick early.
    assert 0.5 * 0.9 <= waited < 30
    assert recorded(registry, TIMEOUTS, db_client_connection_pool_name="read") == before + 1
    await assert_reads_work(hasty)


async def test_a_writer_that_gets_no_connection_in_time_is_told_when_to_come_back(
    hasty: Api, database: Database
) -> None:
    async with exhausted(database, "write"):
        answer = await hasty.client.post("/items/1/adjust", json={"delta": 1}, headers=hasty.as_writer())
        await assert_reads_work(hasty)
    problem(answer, 503)
    assert answer.headers["retry-after"] == "1"
    await hasty.create_product()


async def test_a_statement_that_takes_too_long_is_given_up(
    hasty: Api, database: Database, events: list[structlog.typing.EventDict]
) -> None:
    with pytest.raises(DatabaseUnavailable):
        await database.fetch_one(text("SELECT pg_sleep(30)"), {})
    with pytest.raises(DatabaseUnavailable):
        async with database.transaction() as session:
            await session.execute(text("SELECT pg_sleep(30)"))
    # PostgreSQL itself said so: others are not refused for it.
    assert "server_left_alone" not in {event["event"] for event in events}
    await assert_reads_work(hasty)
    await hasty.create_product()


async def test_a_row_that_stays_locked_is_given_up(hasty: Api, postgres: asyncpg.Connection) -> None:
    product = await hasty.create_product()
    path = f"/products/{product['id']}"
    async with postgres.transaction():
        await postgres.execute("SELECT FROM products WHERE id = $1 FOR UPDATE", product["id"])
        answer = await hasty.client.patch(path, json={"price": "1"}, headers=hasty.as_writer())
    problem(answer, 503)
    assert answer.headers["retry-after"] == "1"
    assert (await hasty.client.get(path)).json() == product


async def test_a_transaction_that_fails_leaves_nothing_behind(hasty: Api, database: Database) -> None:
    product = await hasty.create_product()

    async def change_and_fail() -> None:
        async with database.transaction() as session:
            await session.execute(text("UPDATE products SET name = 'half'"))
            raise LookupError

    with pytest.raises(LookupError):
        await change_and_fail()
    assert (await hasty.client.get(f"/products/{product['id']}")).json() == product


async def kill_connections(postgres: asyncpg.Connection) -> None:
    """End every connection of the service, and return when they are gone."""
    ours = "datname = current_database() AND application_name LIKE 'glasshouse-%'"
    assert await postgres.fetchval(
        f"SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE {ours}"  # noqa: S608
    )


async def test_reads_survive_the_death_of_their_connections(hasty: Api, postgres: asyncpg.Connection) -> None:
    await asyncio.gather(*(assert_reads_work(hasty) for _ in range(2)))
    await kill_connections(postgres)
    await asyncio.gather(*(assert_reads_work(hasty) for _ in range(2)))


async def test_writes_survive_the_death_of_connections_that_were_idle(
    hasty: Api, database: Database, postgres: asyncpg.Connection
) -> None:
    async with database.writer.connect() as connection:
        idle: Any = (await connection.get_raw_connection()).driver_connection
    await kill_connections(postgres)
    await until(idle.is_closed)
    await hasty.create_product()


async def test_who_writes_to_a_server_that_is_no_longer_the_primary_finds_the_one_that_is(
    settings: Settings, postgres: asyncpg.Connection
) -> None:
    async with serving(settings) as api:
        product = await api.create_product()
        path = f"/products/{product['id']}"

        async def write_at_once() -> list[httpx2.Response]:
            headers = api.as_writer()
            return await asyncio.gather(
                *(api.client.patch(path, json={"price": "5"}, headers=headers) for _ in range(4))
            )

        # Connections keep what held when they were made, as those to a server keep to it when its name moves on.
        name = make_url(settings.database_url).database
        await postgres.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        await kill_connections(postgres)
        refused = await write_at_once()
        assert (await api.client.get("/items?product_id=1")).status_code == 200
        await postgres.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        written = await write_at_once()
    for answer in refused:
        problem(answer, 503)
        assert answer.headers["retry-after"] == "1"
    assert [answer.status_code for answer in written] == [200] * 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"port": 1}, "refused"),
        ({"password": "not-the-password"}, "password authentication failed"),
        ({"database": "not_there"}, "does not exist"),
    ],
)
async def test_a_database_that_cannot_be_reached_is_a_503_that_says_why_in_the_log_alone(
    settings: Settings,
    events: list[structlog.typing.EventDict],
    change: dict[str, object],
    reason: str,
) -> None:
    url = make_url(settings.database_url).set(**change)  # type: ignore[arg-type]
    wrong = settings.model_copy(update={"database_url": url.render_as_string(hide_password=False)})
    async with serving(wrong) as api:
        for answer in (
            await api.client.get("/items/1"),
            await api.client.post("/items/1/adjust", json={"delta": 1}, headers=api.as_writer()),
        ):
            assert problem(answer, 503)["detail"] == "The database cannot answer right now"
            assert answer.headers["retry-after"] == "1"
    told = [event["reason"] for event in events if event["event"] == "database_unavailable"]
    # Those two, and what the process itself asks of its database while it waits.
    assert len(told) >= 2
    assert all(reason in each and str(url.password) not in each for each in told)


async def test_a_statement_that_is_wrong_is_our_fault_and_no_outage(database: Database) -> None:
    with pytest.raises(ProgrammingError):
        await database.fetch_one(text("SELECT nonsense"), {})


async def test_a_request_that_is_cancelled_gives_its_connection_back(hasty: Api, database: Database) -> None:
    for _ in range(4):
        slow = asyncio.create_task(database.fetch_one(text("SELECT pg_sleep(30)"), {}))
        await asyncio.sleep(0.02)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
    await asyncio.gather(*(assert_reads_work(hasty) for _ in range(2)))


async def test_an_error_that_is_logged_tells_no_parameters(database: Database) -> None:
    statement = text("SELECT nothing FROM users WHERE email = :email")
    with pytest.raises(ProgrammingError) as reading:
        await database.fetch_one(statement, {"email": "ada@example.com"})
    with pytest.raises(ProgrammingError) as writing:
        async with database.transaction() as session:
            await session.execute(statement, {"email": "ada@example.com"})
    for caught in (reading, writing):
        assert "ada@example.com" not in str(caught.value)
