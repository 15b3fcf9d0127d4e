"""SQLAlchemy engines, async and sync: their queries and their pools, measured."""

import re
from collections.abc import Mapping
from functools import lru_cache
from time import perf_counter
from typing import Any, TypeAlias

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from observability import context
from observability.clients.pools import measure_pool
from observability.conventions import OTHER
from observability.metrics.database import DatabaseMetrics, OperationMetrics

AnyEngine: TypeAlias = AsyncEngine | Engine

_STARTED_AT = "_observability_started_at"

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
    """Measure the queries and the pool of an engine from now on, however it is called: async, sync, in a greenlet."""
    measure_pool(engine, pools.pool(name))
    queries = _Queries(_SYSTEMS.get(engine.dialect.name, engine.dialect.name), operations)
    event.listen(engine, "before_cursor_execute", queries.begin, retval=True)
    event.listen(engine, "after_cursor_execute", queries.succeed)
    event.listen(engine, "handle_error", queries.fail)


@lru_cache(maxsize=1_024)
def operation_of(statement: str) -> str:
    """First word of a statement in capitals, `_OTHER` when it is no SQL verb."""
    match = _FIRST_WORD.match(statement)
    word = match[1].upper() if match else OTHER
    return word if word in _OPERATIONS else OTHER


class _Queries:
    """Listens to one engine; the start of a query waits on its execution context."""

    def __init__(self, system: str, metrics: OperationMetrics) -> None:
        self._system = system
        self._metrics = metrics

    def begin(
        self, _connection: Any, _cursor: Any, statement: str, parameters: Any, execution: Any, _many: Any
    ) -> tuple[str, Any]:
        setattr(execution, _STARTED_AT, perf_counter())
        return statement, parameters

    def succeed(
        self, _connection: Any, _cursor: Any, statement: str, _parameters: Any, execution: Any, _many: Any
    ) -> None:
        self._end(execution, statement, "")

    def fail(self, failure: ExceptionContext) -> None:
        # Errors also come from before a query began, or from reading its result later.
        if hasattr(failure.execution_context, _STARTED_AT):
            error_type = type(failure.original_exception).__name__
            self._end(failure.execution_context, failure.statement or "", error_type)

    def _end(self, execution: Any, statement: str, error_type: str) -> None:
        seconds = perf_counter() - getattr(execution, _STARTED_AT)
        delattr(execution, _STARTED_AT)
        record, trace_id = context.current(), ""
        if record is not None:
            record.query_count += 1
            record.db_seconds += seconds
            trace_id = record.exemplar
        self._metrics.operation_ended(self._system, operation_of(statement), error_type, seconds, trace_id)


def _sync(engine: AnyEngine) -> Engine:
    return engine.sync_engine if isinstance(engine, AsyncEngine) else engine


def _name(engine: Engine) -> str:
    return engine.pool._orig_logging_name or engine.url.database or engine.dialect.name  # noqa: SLF001  public nowhere
