"""Every recorder of one application, made once."""

from dataclasses import dataclass

from observability import conventions
from observability.metrics.background import TaskMetrics
from observability.metrics.cache import CacheFamilies, CacheMetrics
from observability.metrics.database import DatabaseMetrics, OperationMetrics
from observability.metrics.instruments import Gauge
from observability.metrics.registry import Registry
from observability.metrics.spans import SpanMetrics

STOCK_CACHE = "fastapi-cache2"


@dataclass(frozen=True, slots=True)
class Recorders:
    """What records the signals of one application, apart from its requests."""

    tasks: TaskMetrics
    caches: CacheFamilies
    stock_cache: CacheMetrics
    pools: DatabaseMetrics
    operations: OperationMetrics
    spans: SpanMetrics


def recorders(registry: Registry) -> Recorders:
    """Register the families of every signal."""
    caches = CacheFamilies(registry)
    return Recorders(
        tasks=TaskMetrics(registry),
        caches=caches,
        stock_cache=caches.cache(STOCK_CACHE),
        pools=DatabaseMetrics(registry),
        operations=OperationMetrics(registry),
        spans=SpanMetrics(registry),
    )


def show_build(registry: Registry, version: str, revision: str) -> None:
    """Expose what runs."""
    Gauge(conventions.BUILD_INFO, registry).labels(version, revision).set(1)
