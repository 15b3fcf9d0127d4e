"""Connection pools of SQLAlchemy, measured from inside: only there is waiting apart from connecting."""

import math
from contextvars import ContextVar
from time import perf_counter
from typing import Any, TypeGuard

from sqlalchemy import Engine, Pool, QueuePool
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from observability.metrics.database import PoolMetrics

_SINCE = "_observability_since"


class _Checkout:
    """A caller asking a pool for a connection."""

    __slots__ = ("connecting", "pool")

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.connecting = 0.0


_checkout: ContextVar[_Checkout | None] = ContextVar("observability_checkout", default=None)


def measure_pool(engine: Engine, metrics: PoolMetrics) -> None:
    """Measure the pool of this engine, and those that take its place after `dispose()`: they keep its class."""
    pool = engine.pool
    stock: Any = type(pool)
    added = {"_metrics": metrics, "_engine": engine, "__module__": __name__}
    pool.__class__ = type(f"Measured{stock.__name__}", (_Measured, stock), added)
    # Assigning wraps the creator again, now by the method below.
    pool._creator = pool._creator  # noqa: SLF001  no event sees the connections of a custom creator
    metrics.maximum.set(_size(pool))
    _show(pool, engine, metrics)


class _Measured(Pool):
    """What the measured subclass of a pool's own class adds to it."""

    _metrics: PoolMetrics
    _engine: Engine

    def _should_wrap_creator(self, creator: Any) -> Any:
        create = super()._should_wrap_creator(creator)
        metrics = self._metrics

        def measured(record: Any) -> Any:
            started_at = perf_counter()
            connection = create(record)
            metrics.create.observe(perf_counter() - started_at)
            return connection

        return measured

    def _do_get(self) -> Any:
        outer = _checkout.get()
        if outer is not None and outer.pool is self:
            # Pools call themselves again when another caller was faster.
            return super()._do_get()
        checkout = _Checkout(self)
        token = _checkout.set(checkout)
        try:
            return self._timed_get(checkout)
        finally:
            _checkout.reset(token)

    def _timed_get(self, checkout: _Checkout) -> Any:
        metrics, must_wait, started_at = self._metrics, _must_wait(self), perf_counter()
        if must_wait:
            metrics.pending.inc()
        try:
            record = super()._do_get()
            setattr(record, _SINCE, perf_counter())
        except PoolTimeoutError:
            metrics.timeouts.inc()
            raise
        finally:
            metrics.wait.observe(perf_counter() - started_at - checkout.connecting)
            if must_wait:
                metrics.pending.dec()
            _show(self, self._engine, metrics)
        return record

    def _create_connection(self) -> Any:
        started_at = perf_counter()
        try:
            return super()._create_connection()
        finally:
            checkout = _checkout.get()
            if checkout is not None:
                checkout.connecting += perf_counter() - started_at

    def _do_return_conn(self, record: Any) -> None:
        super()._do_return_conn(record)
        self._metrics.use.observe(perf_counter() - getattr(record, _SINCE))
        _show(self, self._engine, self._metrics)

    def dispose(self) -> None:
        super().dispose()
        _show(self, self._engine, self._metrics)


def _must_wait(pool: Pool) -> bool:
    """Whether a caller who comes now finds every connection in use: what the pool itself asks."""
    return _is_full(pool) and pool.checkedin() == 0


def _is_full(pool: Pool) -> TypeGuard[QueuePool]:
    return isinstance(pool, QueuePool) and -1 < pool._max_overflow <= pool._overflow  # noqa: SLF001  nothing public


def _size(pool: Pool) -> float:
    """Connections the pool may open; infinite when nothing limits it."""
    limit = pool._max_overflow if isinstance(pool, QueuePool) else -1  # noqa: SLF001  nothing public tells
    return float(pool.size() + limit) if isinstance(pool, QueuePool) and limit > -1 else math.inf


def _show(pool: Pool, engine: Engine, metrics: PoolMetrics) -> None:
    # A connection that goes back to a pool disposed of meanwhile says nothing about the present one.
    if isinstance(pool, QueuePool) and engine.pool is pool:
        metrics.used.set(pool.checkedout())
        metrics.idle.set(pool.checkedin())
