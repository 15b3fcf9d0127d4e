"""SQLAlchemy engines, async and sync: their queries and their pools, measured."""

import functools
import re
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, TypeAlias

from sqlalchemy import Dialect, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from observability import context
from observability.clients.pools import is_connecting, measure_pool
from observability.conventions import OTHER
from observability.metrics.database import DatabaseMetrics, OperationMetrics

AnyEngine: TypeAlias = AsyncEngine | Engine
Execute = Callable[..., None]

_EXECUTING = ("do_execute", "do_executemany", "do_execute_no_params")

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/db/#db-system-name
_SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db", "postgres": "postgresql"}

_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*([A-Za-z]+)", re.DOTALL)
_OPERATIONS = frozenset(
    [
        "ALTER",
        "ANALYZE",
        "BEGIN",
        "CALL",
        "CLOSE",
        "COMMENT",
        "COMMIT",
        "COPY",
        "CREATE",
        "DEALLOCATE",
        "DECLARE",
        "DELETE",
        "DISCARD",
        "DO",
        "DROP",
        "EXECUTE",
        "EXPLAIN",
        "FETCH",
        "GRANT",
        "INSERT",
        "LISTEN",
        "LOCK",
        "MERGE",
        "NOTIFY",
        "PRAGMA",
        "PREPARE",
        "REFRESH",
        "REINDEX",
        "RELEASE",
        "REPLACE",
        "RESET",
        "REVOKE",
        "ROLLBACK",
        "SAVEPOINT",
        "SELECT",
        "SET",
        "SHOW",
        "START",
        "TABLE",
        "TRUNCATE",
        "UNLISTEN",
        "UPDATE",
        "USE",
        "VACUUM",
        "VALUES",
        "WITH",
    ],
)


def named_engines(engine: AnyEngine | Mapping[str, AnyEngine] | None) -> dict[str, Engine]:
    """Sync engines by the name of their pool: the one given, the pool's own, or the database's."""
    if engine is None:
        return {}
    if isinstance(engine, Mapping):
        return {name: _sync(each) for name, each in engine.items()}
    sync = _sync(engine)
    return {_name(sync): sync}


def measure_engine(engine: Engine, name: str, pools: DatabaseMetrics, operations: OperationMetrics) -> None:
    """Measure the queries and the pool of an engine from now on, however it is called: async, sync, in a greenlet.

    Raises:
        AlreadyInstrumented: The engine's pool is measured already.
    """
    measure_pool(engine, pools.pool(name))
    measure_queries(engine.dialect, operations)


def measure_queries(dialect: Dialect, operations: OperationMetrics) -> None:
    """Measure what this dialect executes.

    Not through events: an engine that has one single listener pays about 20 µs a connection for those it has not.
    """
    recorder = _Queries(_SYSTEMS.get(dialect.name, dialect.name), operations)
    for name in _EXECUTING:
        setattr(dialect, name, recorder.measuring(getattr(dialect, name)))


@functools.lru_cache(maxsize=1_024)
def operation_of(statement: str) -> str:
    """First word of a statement in capitals, `_OTHER` when it is no SQL verb."""
    match = _FIRST_WORD.match(statement)
    word = match[1].upper() if match else OTHER
    return word if word in _OPERATIONS else OTHER


class _Queries:
    """Records the queries of one dialect."""

    def __init__(self, system: str, metrics: OperationMetrics) -> None:
        self._system = system
        self._metrics = metrics

    def measuring(self, stock: Execute) -> Execute:
        @functools.wraps(stock)
        def execute(cursor: Any, statement: str, *arguments: Any, **options: Any) -> None:
            error_type, started_at = "", perf_counter()
            try:
                stock(cursor, statement, *arguments, **options)
            except BaseException as error:
                error_type = type(error).__name__
                raise
            finally:
                self._end(statement, error_type, perf_counter() - started_at)

        return execute

    def _end(self, statement: str, error_type: str, seconds: float) -> None:
        record, exemplar = context.current(), ""
        if record is not None:
            record.query_count += not is_connecting()
            record.db_seconds += seconds
            exemplar = record.exemplar
        self._metrics.operation_ended(self._system, operation_of(statement), error_type, seconds, exemplar)


def _sync(engine: AnyEngine) -> Engine:
    return engine.sync_engine if isinstance(engine, AsyncEngine) else engine


def _name(engine: Engine) -> str:
    return engine.pool._orig_logging_name or engine.url.database or engine.dialect.name  # noqa: SLF001  public nowhere
