"""What a connection pool shows: waiting apart from connecting, holding, and what is in use."""

import asyncio
import math
import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import (
    AssertionPool,
    Engine,
    NullPool,
    QueuePool,
    SingletonThreadPool,
    StaticPool,
    create_engine,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util import greenlet_spawn

from observability.clients.database import measure_engine
from observability.metrics.database import DatabaseMetrics, OperationMetrics
from observability.metrics.registry import Registry
from observability.testing import recorded
from tests.unit.observability.server import until

PREFIX = "db_client_connection_"
POOL = {"db_client_connection_pool_name": "main"}


class LoopPool(AsyncAdaptedQueuePool):
    """The pool of async engines, accepted by an engine whose driver opens no socket."""

    _is_asyncio = False


class Connector:
    """Opens connections; on a clock of its own, connecting and anything else takes as long as a test says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.connecting = 0.0
        self.opened: list[sqlite3.Connection] = []
        self.fails = False

    def clock(self) -> float:
        return self.now

    def __call__(self) -> sqlite3.Connection:
        self.now += self.connecting
        if self.fails:
            raise sqlite3.OperationalError
        self.opened.append(sqlite3.connect(":memory:", check_same_thread=False))
        return self.opened[-1]


@pytest.fixture
def connector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connector]:
    connector = Connector()
    monkeypatch.setattr("observability.clients.pools.perf_counter", connector.clock)
    yield connector
    # A pool disposed of while a connection is in use leaves it to the garbage collector.
    for connection in connector.opened:
        connection.close()


Measured = Callable[..., Engine]


@pytest.fixture
def measured(registry: Registry, connector: Connector) -> Iterator[Measured]:
    engines: list[Engine] = []

    def engine(poolclass: Any = QueuePool, **options: Any) -> Engine:
        made = create_engine("sqlite://", creator=connector, poolclass=poolclass, **options)
        made.pool._is_asyncio = poolclass is LoopPool
        measure_engine(made, "main", DatabaseMetrics(registry), OperationMetrics(registry))
        engines.append(made)
        return made

    yield engine
    for made in engines:
        made.dispose()


@pytest.fixture
def pool(registry: Registry) -> Callable[..., float | None]:
    def value(name: str, **labels: str) -> float | None:
        return recorded(registry, PREFIX + name, **POOL, **labels)

    return value


Value = Callable[..., float | None]


def usage(pool: Value) -> tuple[float | None, float | None]:
    """Connections used and idle."""
    state = "db_client_connection_state"
    return pool("count", **{state: "used"}), pool("count", **{state: "idle"})


def test_used_and_idle_connections_are_shown(measured: Measured, pool: Value) -> None:
    engine = measured(pool_size=2, max_overflow=1)
    assert (pool("max"), usage(pool)) == (3, (0, 0))
    first, second = engine.connect(), engine.connect()
    assert usage(pool) == (2, 0)
    first.close()
    assert usage(pool) == (1, 1)
    second.close()
    assert usage(pool) == (0, 2)


def test_connecting_is_no_waiting(measured: Measured, pool: Value, connector: Connector) -> None:
    engine, connector.connecting = measured(), 3
    engine.connect().close()
    assert (pool("create_time_seconds_count"), pool("create_time_seconds_sum")) == (1, 3)
    assert (pool("wait_time_seconds_count"), pool("wait_time_seconds_sum")) == (1, 0)


def test_the_time_a_connection_is_held_is_its_use(
    measured: Measured, pool: Value, connector: Connector
) -> None:
    with measured().connect():
        connector.now += 5
    assert (pool("use_time_seconds_count"), pool("use_time_seconds_sum")) == (1, 5)


def test_a_pooled_connection_is_created_once(measured: Measured, pool: Value) -> None:
    engine = measured()
    for _ in range(3):
        engine.connect().close()
    assert pool("create_time_seconds_count") == 1
    assert (pool("wait_time_seconds_count"), pool("use_time_seconds_count")) == (3, 3)


def test_a_connection_that_was_lost_is_created_again(measured: Measured, pool: Value) -> None:
    engine = measured()
    with engine.connect() as connection:
        connection.invalidate()
    engine.connect().close()
    assert pool("create_time_seconds_count") == 2


def test_a_failed_connection_attempt_is_no_creation(
    measured: Measured, pool: Value, connector: Connector
) -> None:
    engine, connector.fails = measured(), True
    with pytest.raises(Exception, match="sqlite3"):
        engine.connect()
    assert pool("create_time_seconds_count") == 0
    assert usage(pool) == (0, 0)


def test_a_wait_given_up_is_counted_and_was_a_wait(measured: Measured, pool: Value) -> None:
    engine = measured(pool_size=1, max_overflow=0, pool_timeout=0.001)
    with engine.connect(), pytest.raises(PoolTimeoutError):
        engine.connect()
    assert pool("timeouts_total") == 1
    assert pool("wait_time_seconds_count") == 2
    assert pool("pending_requests") == 0


def test_a_caller_that_waits_is_pending_and_its_wait_is_measured(
    measured: Measured, pool: Value, connector: Connector
) -> None:
    engine = measured(pool_size=1, max_overflow=0, pool_timeout=30)
    held = engine.connect()

    def give_back() -> None:
        while not pool("pending_requests"):
            pass
        connector.now += 7
        held.close()

    returning = threading.Thread(target=give_back)
    returning.start()
    engine.connect().close()
    returning.join()
    assert pool("wait_time_seconds_sum") == 7
    assert pool("pending_requests") == 0


async def test_a_wait_on_the_event_loop_is_measured(
    measured: Measured, pool: Value, connector: Connector
) -> None:
    engine = measured(LoopPool, pool_size=1, max_overflow=0, pool_timeout=30)
    held = await greenlet_spawn(engine.raw_connection)
    waiting = asyncio.create_task(greenlet_spawn(engine.raw_connection))
    await until(lambda: pool("pending_requests"))
    connector.now += 7
    await greenlet_spawn(held.close)
    second = await waiting
    assert pool("wait_time_seconds_sum") == 7
    assert (pool("pending_requests"), usage(pool)) == (0, (1, 0))
    await greenlet_spawn(second.close)


async def test_callers_that_wait_together_are_told_apart(
    measured: Measured, pool: Value, connector: Connector
) -> None:
    engine = measured(LoopPool, pool_size=1, max_overflow=0, pool_timeout=30)
    held = await greenlet_spawn(engine.raw_connection)
    waiting = [asyncio.create_task(use(engine)) for _ in range(3)]
    await until(lambda: pool("pending_requests") == 3)
    connector.now += 2
    await greenlet_spawn(held.close)
    await asyncio.gather(*waiting)
    assert (pool("wait_time_seconds_count"), pool("wait_time_seconds_sum")) == (4, 6)


async def test_a_free_connection_on_the_event_loop_is_no_wait(measured: Measured, pool: Value) -> None:
    engine = measured(LoopPool, pool_size=1, max_overflow=0)
    for _ in range(3):
        await use(engine)
    assert (pool("wait_time_seconds_count"), pool("wait_time_seconds_sum")) == (3, 0)
    assert (pool("use_time_seconds_count"), usage(pool)) == (3, (0, 1))


async def use(engine: Engine) -> None:
    connection = await greenlet_spawn(engine.raw_connection)
    await greenlet_spawn(connection.close)


def test_measuring_survives_dispose(measured: Measured, pool: Value) -> None:
    engine = measured(pool_size=2, max_overflow=1)
    engine.connect().close()
    engine.dispose()
    assert usage(pool) == (0, 0)
    engine.connect().close()
    assert (pool("create_time_seconds_count"), usage(pool), pool("max")) == (2, (0, 1), 3)


def test_a_connection_of_a_disposed_pool_says_nothing_about_the_new_one(
    measured: Measured, pool: Value
) -> None:
    engine = measured()
    old = engine.connect()
    engine.dispose()
    new = engine.connect()
    old.close()
    assert usage(pool) == (1, 0)
    new.close()
    assert pool("use_time_seconds_count") == 2


def test_the_options_of_a_pool_are_kept(measured: Measured) -> None:
    engine = measured(pool_size=2, max_overflow=1, pool_timeout=0.5, pool_recycle=9)
    engine.dispose()
    assert isinstance(engine.pool, QueuePool)
    assert (engine.pool.size(), engine.pool.timeout()) == (2, 0.5)


@pytest.mark.parametrize("options", [{"max_overflow": -1}, {"pool_size": 0}])
def test_a_pool_without_limit_has_an_infinite_maximum(measured: Measured, pool: Value, options: Any) -> None:
    measured(**options).connect().close()
    assert pool("max") == math.inf


@pytest.mark.parametrize("poolclass", [NullPool, StaticPool, SingletonThreadPool, AssertionPool])
def test_pools_that_keep_no_queue_still_show_use_and_creation(
    measured: Measured, pool: Value, poolclass: Any
) -> None:
    measured(poolclass).connect().close()
    assert pool("create_time_seconds_count") == 1
    assert pool("use_time_seconds_count") == 1
    assert pool("max") == math.inf


@pytest.mark.parametrize("poolclass", [NullPool, StaticPool, SingletonThreadPool, AssertionPool])
def test_pools_that_keep_no_queue_show_what_is_out(measured: Measured, pool: Value, poolclass: Any) -> None:
    engine = measured(poolclass)
    held = engine.connect()
    assert usage(pool) == (1, 0)
    held.close()
    assert usage(pool) == (0, 0)


def test_each_connection_that_is_out_is_shown(measured: Measured, pool: Value) -> None:
    engine = measured(NullPool)
    with engine.connect(), engine.connect() as second:
        assert usage(pool) == (2, 0)
        second.invalidate()
        assert usage(pool) == (1, 0)
        engine.dispose()
        assert usage(pool) == (1, 0)
    assert usage(pool) == (0, 0)


def test_a_failed_connection_attempt_is_nothing_out(
    measured: Measured, pool: Value, connector: Connector
) -> None:
    engine, connector.fails = measured(NullPool), True
    with pytest.raises(Exception, match="sqlite3"):
        engine.connect()
    assert usage(pool) == (0, 0)


def test_one_pool_can_use_another_while_it_connects(
    measured: Measured, pool: Value, connector: Connector
) -> None:
    inner = measured()

    def connect() -> sqlite3.Connection:
        inner.connect().close()
        connector.now += 1
        return connector()

    outer = create_engine("sqlite://", creator=connect, poolclass=QueuePool)
    other = Registry()
    measure_engine(outer, "outer", DatabaseMetrics(other), OperationMetrics(other))
    outer.connect().close()
    outer.dispose()
    assert pool("wait_time_seconds_count") == 1
    assert recorded(other, f"{PREFIX}wait_time_seconds_sum") == 0


class Contended(QueuePool):
    """A pool in which another caller takes the last place, once, just as it is asked for."""

    was_taken = False

    def _inc_overflow(self) -> bool:
        if self.was_taken:
            return super()._inc_overflow()
        self.was_taken = True
        return False


def test_a_caller_who_must_ask_again_waited_once(measured: Measured, pool: Value) -> None:
    measured(Contended).connect().close()
    assert pool("wait_time_seconds_count") == 1
    assert usage(pool) == (0, 1)


@pytest.mark.parametrize(("poolclass", "idle"), [(QueuePool, 1), (NullPool, 0)])
def test_a_connection_taken_before_measuring_began_comes_back_unharmed(
    registry: Registry, pool: Value, poolclass: Any, idle: int
) -> None:
    engine = create_engine("sqlite://", poolclass=poolclass)
    early = engine.connect()
    measure_engine(engine, "main", DatabaseMetrics(registry), OperationMetrics(registry))
    early.close()
    assert usage(pool) == (0, idle)
    assert pool("use_time_seconds_count") == 0
    engine.dispose()
