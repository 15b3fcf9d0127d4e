"""Clients of redis.asyncio and their pipelines, measured.

redis-py's own observability records OpenTelemetry metrics only: it has no seam for other recorders. So the client
becomes an instance of a subclass of its own class, which its pipelines inherit.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, TypeAlias

from opentelemetry.trace import SpanKind

from observability import context, span_conventions
from observability.errors import AlreadyInstrumented, kind_of, refuse_repeated
from observability.metrics.database import OperationMetrics
from observability.tracing.buffer import Facts, add_span

_SYSTEM = "redis"
_PIPELINE = "PIPELINE"
_COMMANDS_SHOWN = 50
_MEASURED = "_observability_measured"

Execute = Callable[..., Awaitable[Any]]
# The operation, and the commands in it if it is a pipeline.
What: TypeAlias = tuple[str, Sequence[Any]]


def named_clients(redis: Any) -> dict[str, Any]:
    """Clients by name; a single one is called `redis`.

    Raises:
        TypeError: One is not asynchronous, or no client at all.
        AlreadyInstrumented: One is measured already, or there twice.
    """
    if redis is None:
        return {}
    clients = dict(redis) if isinstance(redis, Mapping) else {"redis": redis}
    refuse_repeated(clients.values())
    for client in clients.values():
        _check(client)
    return clients


def _check(client: Any) -> None:
    if not inspect.iscoroutinefunction(getattr(type(client), "execute_command", None)):
        msg = f"{kind_of(client)} is no client of redis.asyncio."
        raise TypeError(msg)
    if hasattr(type(client), _MEASURED):
        msg = f"{client!r} is measured already."
        raise AlreadyInstrumented(msg)


def measure_redis(client: Any, metrics: OperationMetrics) -> None:
    """Measure the commands and pipelines of this client from now on."""
    stock = type(client)
    recorder = _Commands(metrics)
    added = {
        "execute_command": recorder.measuring(stock.execute_command),
        "pipeline": _measuring_pipelines(stock.pipeline, recorder),
        "__module__": __name__,
        _MEASURED: True,
    }
    client.__class__ = type(f"Measured{stock.__name__}", (stock,), added)


def _measuring_pipelines(stock: Callable[..., Any], recorder: "_Commands") -> Callable[..., Any]:
    @functools.wraps(stock)
    def pipeline(client: Any, *arguments: Any, **options: Any) -> Any:
        made = stock(client, *arguments, **options)
        made.__class__ = recorder.pipeline_class(type(made))
        return made

    return pipeline


class _Commands:
    """Records what the clients and pipelines of one client execute."""

    def __init__(self, metrics: OperationMetrics) -> None:
        self._metrics = metrics
        self._pipeline_classes: dict[Any, Any] = {}

    def measuring(self, stock: Execute) -> Execute:
        return self._timed(stock, lambda _client, arguments: (_operation(arguments[0]), ()))

    def pipeline_class(self, stock: Any) -> Any:
        if stock not in self._pipeline_classes:
            self._pipeline_classes[stock] = self._measured_pipeline(stock)
        return self._pipeline_classes[stock]

    def _measured_pipeline(self, stock: Any) -> Any:
        added: dict[str, Any] = {"execute": self._timed(stock.execute, _pipelined), "__module__": __name__}
        if hasattr(stock, "immediate_execute_command"):
            added["immediate_execute_command"] = self.measuring(stock.immediate_execute_command)
        return type(f"Measured{stock.__name__}", (stock,), added)

    def _timed(self, stock: Execute, what_of: Callable[[Any, Sequence[Any]], What]) -> Execute:
        @functools.wraps(stock)
        async def execute(client: Any, *arguments: Any, **options: Any) -> Any:
            what, error_type, started_at = what_of(client, arguments), "", perf_counter()
            try:
                return await stock(client, *arguments, **options)
            except BaseException as error:
                error_type = type(error).__name__
                raise
            finally:
                self._end(*what, error_type, started_at)

        return execute

    def _end(self, operation: str, commands: Sequence[Any], error_type: str, started_at: float) -> None:
        record, trace_id, ended_at = context.current(), "", perf_counter()
        seconds = ended_at - started_at
        if record is not None:
            record.command_count += 1
            record.cache_seconds += seconds
            trace_id = record.exemplar
            add_span(record, started_at, ended_at, error_type, _describe, operation, commands)
        self._metrics.operation_ended(_SYSTEM, operation, error_type, seconds, trace_id)


def _pipelined(pipeline: Any, _arguments: Sequence[Any]) -> What:
    return _PIPELINE, [command[0][0] for command in getattr(pipeline, "command_stack", ())]


def _describe(operation: str, commands: Sequence[Any]) -> Facts:
    if not commands:
        return _facts(operation)
    shown = " ".join(map(_operation, commands[:_COMMANDS_SHOWN]))
    attributes = {
        **_facts(operation).attributes,
        span_conventions.DB_BATCH: len(commands),
        span_conventions.DB_STATEMENT: shown,
    }
    return Facts(operation, SpanKind.CLIENT, attributes)


@functools.lru_cache(maxsize=256)
def _facts(operation: str) -> Facts:
    attributes = {span_conventions.DB_SYSTEM: _SYSTEM, span_conventions.DB_OPERATION: operation}
    return Facts(operation, SpanKind.CLIENT, attributes)


@functools.lru_cache(maxsize=256)
def _operation(command: Any) -> str:
    """The command without its subcommand, in capitals."""
    text = command.decode("ascii", "replace") if isinstance(command, bytes) else str(command)
    return text.split(maxsplit=1)[0].upper() if text.strip() else ""
