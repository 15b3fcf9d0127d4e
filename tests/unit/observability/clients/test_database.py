"""What queries count as."""

import asyncio
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import (
    Engine,
    Integer,
    QueuePool,
    TypeDecorator,
    bindparam,
    create_engine,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.util import greenlet_spawn

from observability.clients.database import measure_engine, named_engines
from observability.clients.statements import operation_of
from observability.context import RequestRecord
from observability.metrics.database import DatabaseMetrics, OperationMetrics
from observability.metrics.registry import Registry
from observability.setup import instrument
from observability.testing import recorded, series
from tests.unit.observability.server import request

OPERATIONS = "db_client_operation_duration_seconds_count"
QUERIES = "http_server_request_db_queries"


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)


@pytest.fixture
def engine(registry: Registry) -> Iterator[Engine]:
    engine = create_engine(
        "sqlite://?check_same_thread=false", poolclass=QueuePool, pool_size=1, max_overflow=0
    )
    measure_engine(engine, "main", DatabaseMetrics(registry), OperationMetrics(registry))
    yield engine
    engine.dispose()


def counted(registry: Registry) -> dict[tuple[str, str], float]:
    """Operations by verb and error."""
    found = {
        (dict(labels)["db_operation_name"], dict(labels)["error_type"]): value
        for labels, value in series(registry, OPERATIONS).items()
    }
    assert {dict(labels)["db_system_name"] for labels in series(registry, OPERATIONS)} <= {"sqlite"}
    return found


def test_each_query_is_counted_by_its_verb(engine: Engine, registry: Registry) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE items (id INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO items VALUES (1), (2)"))
        assert connection.scalar(text("SELECT count(*) FROM items")) == 2
        connection.execute(select(Item)).all()
    assert counted(registry) == {("CREATE", ""): 1, ("INSERT", ""): 1, ("SELECT", ""): 2}


def test_queries_of_the_orm_are_counted(engine: Engine, registry: Registry) -> None:
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Item(id=number) for number in range(3)])
        session.commit()
        session.get(Item, 1)
    assert counted(registry)["INSERT", ""] == 1
    assert counted(registry)["SELECT", ""] == 1


def test_executemany_is_one_operation(engine: Engine, registry: Registry) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE items (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO items VALUES (?)", [(1,), (2,), (3,)])
    assert counted(registry)["INSERT", ""] == 1


def test_a_failed_query_is_counted_with_its_error(engine: Engine, registry: Registry) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE items (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO items VALUES (1)")
        with pytest.raises(IntegrityError):
            connection.exec_driver_sql("INSERT INTO items VALUES (1)")
        with pytest.raises(OperationalError):
            connection.exec_driver_sql("SELECT nothing FROM nowhere")
    assert counted(registry)["INSERT", "IntegrityError"] == 1
    assert counted(registry)["INSERT", ""] == 1
    assert counted(registry)["SELECT", "OperationalError"] == 1


class Interrupted(sqlite3.Connection):
    """A connection on which some queries are interrupted."""

    def cursor(self, *_arguments: object) -> Any:
        class Cursor(sqlite3.Cursor):
            def execute(self, statement: str, *arguments: Any) -> Any:
                if "interrupted" in statement:
                    raise KeyboardInterrupt
                return super().execute(statement, *arguments)

        return Cursor(self)


def test_an_interrupted_query_is_counted_by_what_interrupted_it(registry: Registry) -> None:
    engine = create_engine("sqlite://", connect_args={"factory": Interrupted})
    measure_engine(engine, "main", DatabaseMetrics(registry), OperationMetrics(registry))
    with pytest.raises(KeyboardInterrupt), engine.connect() as connection:
        connection.exec_driver_sql("SELECT interrupted")
    engine.dispose()
    assert counted(registry)["SELECT", "KeyboardInterrupt"] == 1


class Unbindable(TypeDecorator[int]):
    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: object) -> int:
        raise ArithmeticError(value, dialect)


def test_an_error_before_a_query_is_no_operation(engine: Engine, registry: Registry) -> None:
    with engine.connect() as connection, pytest.raises(StatementError, match="ArithmeticError"):
        connection.execute(select(bindparam("number", 1, Unbindable())))
    assert counted(registry) == {}


def test_an_error_while_reading_a_result_is_no_second_operation(engine: Engine, registry: Registry) -> None:
    overflows_at_the_third_row = """
        WITH RECURSIVE numbers(n) AS (VALUES(-9223372036854775806) UNION ALL SELECT n - 1 FROM numbers LIMIT 3)
        SELECT abs(n) FROM numbers
    """
    with engine.connect() as connection:
        result = connection.exec_driver_sql(overflows_at_the_third_row)
        with pytest.raises(OperationalError):
            result.all()
    assert counted(registry) == {("SELECT", ""): 1}


def test_queries_and_their_time_go_to_the_request(engine: Engine, record: RequestRecord) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        connection.exec_driver_sql("SELECT 2")
    assert record.query_count == 2
    assert 0 < record.db_seconds < 10


def test_queries_that_open_a_connection_are_none_of_the_requests(
    engine: Engine, record: RequestRecord
) -> None:
    def connect() -> sqlite3.Connection:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 'a password from the vault'")
        return sqlite3.connect(":memory:")

    other, registry = create_engine("sqlite://", creator=connect, poolclass=QueuePool), Registry()
    measure_engine(other, "other", DatabaseMetrics(registry), OperationMetrics(registry))
    with other.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    other.dispose()
    assert record.query_count == 1


async def test_queries_of_a_spawned_greenlet_go_to_the_request(engine: Engine, record: RequestRecord) -> None:
    def read() -> Any:
        with engine.connect() as connection:
            return connection.scalar(text("SELECT 7"))

    assert await greenlet_spawn(read) == 7
    assert record.query_count == 1


async def test_queries_of_a_thread_go_to_the_request(engine: Engine, record: RequestRecord) -> None:
    def read() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    await asyncio.to_thread(read)
    assert record.query_count == 1


@pytest.mark.parametrize(
    ("statement", "operation"),
    [
        ("SELECT 1", "SELECT"),
        ("  select 1", "SELECT"),
        ("(SELECT 1) UNION (SELECT 2)", "SELECT"),
        ("-- note\n/* more\nnotes */ UPDATE items SET id = 1", "UPDATE"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "SELECT"),
        ("/* a note */ with x as (delete from items returning id) select * from x", "DELETE"),
        ("WITH x AS (SELECT 'DELETE FROM y') SELECT * FROM x FOR NO KEY UPDATE", "SELECT"),
        ("invented nonsense", "_OTHER"),
        ("", "_OTHER"),
        ("42", "_OTHER"),
    ],
)
def test_the_operation_is_the_first_word_out_of_a_bounded_set_or_what_it_introduces(
    statement: str, operation: str
) -> None:
    assert operation_of(statement) == operation


@pytest.mark.parametrize(
    ("ending", "operation"), [("SELECT 1", "SELECT"), ("42", "_OTHER"), ("/* cut off", "_OTHER")]
)
def test_the_operation_is_found_behind_thousands_of_comments(ending: str, operation: str) -> None:
    assert operation_of("/* a */ -- b\n" * 5_000 + ending) == operation


def test_engines_are_named_by_the_caller_or_by_themselves() -> None:
    reader, writer = (
        create_engine("sqlite:///shop.db"),
        create_engine("sqlite:///shop.db", pool_logging_name="write"),
    )
    memory = create_engine("sqlite://")
    assert named_engines(None) == {}
    assert named_engines({"read": reader, "write": writer}) == {"read": reader, "write": writer}
    assert named_engines(reader) == {"shop.db": reader}
    assert named_engines(writer) == {"write": writer}
    assert named_engines(memory) == {"sqlite": memory}


def test_an_async_engine_is_measured_through_its_sync_one() -> None:
    engine = create_async_engine("postgresql+asyncpg://nobody@localhost/shop")
    assert named_engines(engine) == {"shop": engine.sync_engine}
    assert named_engines({"main": engine}) == {"main": engine.sync_engine}


async def test_queries_per_request_are_counted_by_route() -> None:
    app, engine = FastAPI(), create_engine("sqlite://", poolclass=QueuePool)

    @app.get("/items")
    async def read() -> None:
        with engine.connect() as connection:
            for number in range(12):
                connection.exec_driver_sql(f"SELECT {number}")

    telemetry = instrument(app, service_name="shop", engine=engine)
    await request(app, "/items")
    engine.dispose()
    assert recorded(telemetry.registry, f"{QUERIES}_count", http_route="/items") == 1
    assert recorded(telemetry.registry, f"{QUERIES}_sum", http_route="/items") == 12


async def test_without_a_database_no_request_has_queries() -> None:
    app = FastAPI()
    app.add_api_route("/", lambda: "ok", methods=["GET"])
    telemetry = instrument(app, service_name="shop")
    await request(app, "/")
    assert series(telemetry.registry, f"{QUERIES}_count") == {}
