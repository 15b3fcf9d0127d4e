"""What is recorded of connection pools and database operations."""

from observability import conventions
from observability.metrics.children import Children
from observability.metrics.instruments import Counter, Gauge, Histogram, HistogramChild
from observability.metrics.registry import Registry


class OperationMetrics:
    """Durations of queries and Redis commands."""

    def __init__(self, registry: Registry) -> None:
        """Register the family."""
        durations = Histogram(conventions.DB_OPERATION_DURATION, registry)
        self._durations: Children[tuple[str, str, str], HistogramChild] = Children(
            lambda key: durations.labels(*key)
        )

    def operation_ended(
        self, system: str, operation: str, error_type: str, seconds: float, trace_id: str
    ) -> None:
        """An operation ended; `error_type` is empty when it went well, a `trace_id` becomes the exemplar."""
        self._durations[system, operation, error_type].observe(seconds, trace_id)


class DatabaseMetrics:
    """The families of connection pools; `pool` gives what records one pool."""

    def __init__(self, registry: Registry) -> None:
        """Register the families."""
        self.count = Gauge(conventions.POOL_COUNT, registry)
        self.maximum = Gauge(conventions.POOL_MAX, registry)
        self.pending = Gauge(conventions.POOL_PENDING, registry)
        self.waits = Histogram(conventions.POOL_WAIT, registry)
        self.uses = Histogram(conventions.POOL_USE, registry)
        self.creates = Histogram(conventions.POOL_CREATE, registry)
        self.timeouts = Counter(conventions.POOL_TIMEOUTS, registry)

    def pool(self, name: str) -> "PoolMetrics":
        """What records the pool of this name."""
        return PoolMetrics(self, name)


class PoolMetrics:
    """The children of one pool."""

    __slots__ = ("create", "idle", "maximum", "pending", "timeouts", "use", "used", "wait")

    def __init__(self, families: DatabaseMetrics, name: str) -> None:
        """Look the children up, so that every series of the pool exists from the start."""
        self.idle = families.count.labels(name, "idle")
        self.used = families.count.labels(name, "used")
        self.maximum = families.maximum.labels(name)
        self.pending = families.pending.labels(name)
        self.wait = families.waits.labels(name)
        self.use = families.uses.labels(name)
        self.create = families.creates.labels(name)
        self.timeouts = families.timeouts.labels(name)
