"""Connection pools of SQLAlchemy, measured from inside: only there is waiting apart from connecting."""

import math
from contextvars import ContextVar
from time import perf_counter
from typing import Any

from opentelemetry.trace import SpanKind
from sqlalchemy import Engine, Pool, QueuePool
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from observability import context, span_conventions
from observability.errors import AlreadyInstrumented
from observability.metrics.database import PoolMetrics
from observability.tracing.buffer import Facts, add_span

_SINCE = "_observability_since"


def refuse_measured_pool(engine: Engine) -> None:
    """Raise `AlreadyInstrumented` if the pool is measured already, through this engine or one that shares it."""
    if isinstance(engine.pool, _Measured):
        msg = f"The connection pool of {engine!r} is measured already."
        raise AlreadyInstrumented(msg)


def measure_pool(engine: Engine, name: str, metrics: PoolMetrics) -> None:
    """Measure the pool of this engine, and those that take its place after `dispose()`: they keep its class."""
    pool = engine.pool
    stock: Any = type(pool)
    added = {"_metrics": metrics, "_pool_name": name, "_engine": engine, "__module__": __name__}
    measuring = _MeasuredQueue if isinstance(pool, QueuePool) else _MeasuredWithoutQueue
    pool.__class__ = type(f"Measured{stock.__name__}", (measuring, stock), added)
    # Assigning wraps the creator again, now by the method below.
    pool._creator = pool._creator  # noqa: SLF001  no event sees the connections of a custom creator
    metrics.maximum.set(_limit(pool))


def _limit(pool: Pool) -> float:
    """Connections the pool may open; infinite when nothing limits it."""
    overflow = pool._max_overflow if isinstance(pool, QueuePool) else -1  # noqa: SLF001  nothing public tells
    return float(pool.size() + overflow) if isinstance(pool, QueuePool) and overflow > -1 else math.inf


class _Measured(Pool):
    """What the measured subclass of any pool adds to it: creating and holding connections."""

    _metrics: PoolMetrics
    _pool_name: str
    _engine: Engine

    def _should_wrap_creator(self, creator: Any) -> Any:
        create = super()._should_wrap_creator(creator)
        metrics = self._metrics

        def measured(record: Any) -> Any:
            started_at = perf_counter()
            connection = create(record)
            ended_at = perf_counter()
            metrics.create.observe(ended_at - started_at)
            _add_span(started_at, ended_at, "", "connect", self._pool_name)
            return connection

        return measured

    def _do_get(self) -> Any:
        record = super()._do_get()
        setattr(record, _SINCE, perf_counter())
        return record

    def _do_return_conn(self, record: Any) -> None:
        super()._do_return_conn(record)
        since = getattr(record, _SINCE, None)
        # None: it was taken before the pool was measured.
        if since is not None:
            self._metrics.use.observe(perf_counter() - since)


class _MeasuredWithoutQueue(_Measured):
    """What a pool has besides that keeps no list of its connections: each that is out is counted."""

    def _do_get(self) -> Any:
        record = super()._do_get()
        self._metrics.used.inc()
        return record

    def _do_return_conn(self, record: Any) -> None:
        super()._do_return_conn(record)
        if hasattr(record, _SINCE):
            self._metrics.used.dec()


def _add_span(started_at: float, ended_at: float, error_type: str, name: str, pool: str) -> None:
    record = context.current()
    if record is not None:
        add_span(record, started_at, ended_at, error_type, _describe, name, pool)


def _describe(name: str, pool: str) -> Facts:
    return Facts(name, SpanKind.INTERNAL, {span_conventions.POOL: pool})


class _Checkout:
    """A caller asking a pool for a connection."""

    __slots__ = ("connecting", "pool")

    def __init__(self, pool: Pool | None) -> None:
        self.pool = pool
        self.connecting = 0.0


_NOBODY = _Checkout(None)
_checkout: ContextVar[_Checkout] = ContextVar("observability_checkout", default=_NOBODY)


def is_connecting() -> bool:
    """Whether what runs now serves to open a connection: a dialect asks its server a few things the first time."""
    return _checkout.get() is not _NOBODY


class _MeasuredQueue(_Measured, QueuePool):
    """What a pool that makes callers wait has besides: the wait, and how many connections are used and idle."""

    def _do_get(self) -> Any:
        if self._is_asyncio and self._pool.qsize():
            # On an event loop nobody comes between looking and taking: the short way, without a wait.
            record = super()._do_get()
            self._metrics.wait.observe(0.0)
        else:
            record = self._long_get()
        self._show()
        return record

    def _long_get(self) -> Any:
        if _checkout.get().pool is self:
            # Pools call themselves again when another caller was faster.
            return super()._do_get()
        checkout = _Checkout(self)
        token = _checkout.set(checkout)
        try:
            return self._timed_get(checkout)
        finally:
            _checkout.reset(token)

    def _timed_get(self, checkout: _Checkout) -> Any:
        metrics, must_wait, started_at, error_type = self._metrics, self._makes_wait(), perf_counter(), ""
        if must_wait:
            metrics.pending.inc()
        try:
            return super()._do_get()
        except PoolTimeoutError:
            error_type = PoolTimeoutError.__name__
            metrics.timeouts.inc()
            raise
        finally:
            waited_until = perf_counter() - checkout.connecting
            metrics.wait.observe(waited_until - started_at)
            if must_wait:
                metrics.pending.dec()
                _add_span(started_at, waited_until, error_type, "wait for a connection", self._pool_name)

    def _makes_wait(self) -> bool:
        """Whether a caller who comes now finds every connection in use."""
        return -1 < self._max_overflow <= self._overflow and not self._pool.qsize()

    def _create_connection(self) -> Any:
        started_at = perf_counter()
        try:
            return super()._create_connection()
        finally:
            _checkout.get().connecting += perf_counter() - started_at

    def _do_return_conn(self, record: Any) -> None:
        super()._do_return_conn(record)
        self._show()

    def dispose(self) -> None:
        super().dispose()
        self._show()

    def _show(self) -> None:
        # A connection that goes back to a pool disposed of meanwhile says nothing about the present one.
        if self._engine.pool is self:
            idle = self._pool.qsize()
            self._metrics.idle.set(idle)
            self._metrics.used.set(self._pool.maxsize - idle + self._overflow)
