"""SQLAlchemy engines, async and sync: their queries and their pools, measured."""

import functools
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, TypeAlias

from opentelemetry.trace import SpanKind
from sqlalchemy import Dialect, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from observability import context, span_conventions
from observability.clients.pools import is_connecting, measure_pool, refuse_measured_pool
from observability.clients.statements import operation_of, table_of, without_values
from observability.errors import kind_of, refuse_repeated
from observability.metrics.database import DatabaseMetrics, OperationMetrics
from observability.tracing.buffer import Facts, add_span

AnyEngine: TypeAlias = AsyncEngine | Engine
Execute = Callable[..., None]

_EXECUTING = ("do_execute", "do_executemany", "do_execute_no_params")

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/db/#db-system-name
_SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db", "postgres": "postgresql"}


def named_engines(engine: AnyEngine | Mapping[str, AnyEngine] | None) -> dict[str, Engine]:
    """Sync engines by the name of their pool: the one given, the pool's own, or the database's.

    Raises:
        TypeError: One is no engine.
        AlreadyInstrumented: The pool of one is measured already, or there twice.
    """
    if engine is None:
        return {}
    if isinstance(engine, Mapping):
        engines = {name: _sync(each) for name, each in engine.items()}
    else:
        sync = _sync(engine)
        engines = {_name(sync): sync}
    refuse_repeated([each.pool for each in engines.values()])
    for each in engines.values():
        refuse_measured_pool(each)
    return engines


def measure_engine(engine: Engine, name: str, pools: DatabaseMetrics, operations: OperationMetrics) -> None:
    """Measure the queries and the pool of an engine from now on, however it is called: async, sync, in a greenlet."""
    measure_pool(engine, name, pools.pool(name))
    measure_queries(engine.dialect, engine.url.database or "", operations)


def measure_queries(dialect: Dialect, database: str, operations: OperationMetrics) -> None:
    """Measure what this dialect executes.

    Not through events: an engine that has one single listener pays about 20 µs a connection for those it has not.
    """
    recorder = _Queries(_SYSTEMS.get(dialect.name, dialect.name), database, operations)
    for name in _EXECUTING:
        setattr(dialect, name, recorder.measuring(getattr(dialect, name)))


class _Queries:
    """Records the queries of one dialect."""

    def __init__(self, system: str, database: str, metrics: OperationMetrics) -> None:
        self._system = system
        self._database = database
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
                self._end(cursor, statement, error_type, started_at)

        return execute

    def _end(self, cursor: Any, statement: str, error_type: str, started_at: float) -> None:
        record, exemplar, ended_at = context.current(), "", perf_counter()
        seconds = ended_at - started_at
        if record is not None:
            record.db_seconds += seconds
            exemplar = record.exemplar
            if not is_connecting():
                record.query_count += 1
                rows = -1 if error_type else cursor.rowcount
                add_span(record, started_at, ended_at, error_type, self._describe, statement, rows)
        self._metrics.operation_ended(self._system, operation_of(statement), error_type, seconds, exemplar)

    def _describe(self, statement: str, rows: int) -> Facts:
        return _facts(self._system, self._database, statement, rows)


@functools.lru_cache(maxsize=1_024)
def _facts(system: str, database: str, statement: str, rows: int) -> Facts:
    operation, table = operation_of(statement), table_of(statement)
    attributes: dict[str, str | int] = {
        span_conventions.DB_SYSTEM: system,
        span_conventions.DB_NAMESPACE: database,
        span_conventions.DB_OPERATION: operation,
        span_conventions.DB_STATEMENT: without_values(statement),
    }
    if table:
        attributes[span_conventions.DB_COLLECTION] = table
    if rows >= 0:
        attributes[span_conventions.DB_ROWS] = rows
    return Facts(f"{operation} {table or database}".rstrip(), SpanKind.CLIENT, attributes)


def _sync(engine: AnyEngine) -> Engine:
    sync: object = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    if not isinstance(sync, Engine):
        msg = f"{kind_of(engine)} is no engine of SQLAlchemy."
        raise TypeError(msg)
    return sync


def _name(engine: Engine) -> str:
    return engine.pool._orig_logging_name or engine.url.database or engine.dialect.name  # noqa: SLF001  public nowhere
