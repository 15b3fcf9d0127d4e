"""What is recorded of the event loop and of the threads beside it."""

from observability import conventions
from observability.metrics.instruments import Counter, CounterChild, Gauge, Histogram
from observability.metrics.registry import Registry


class RuntimeMetrics:
    """The families of one process's event loop."""

    def __init__(self, registry: Registry, *, culprit_budget: int) -> None:
        """Register the families; more culprits than the budget are counted together."""
        self.loop_woke = Histogram(conventions.LOOP_LAG, registry).observe
        self._blocked = Counter(conventions.LOOP_BLOCKED, registry)
        self._culprits: dict[str, CounterChild] = {}
        self._culprit_budget = culprit_budget
        registry.limit(conventions.LOOP_BLOCKED, culprit_budget)
        self._workers = Gauge(conventions.THREAD_POOL_WORKERS, registry)
        self._busy = Gauge(conventions.THREAD_POOL_BUSY, registry)

    def loop_blocked(self, culprit: str) -> None:
        """Count a block of the event loop; `culprit` is `module:function`."""
        if culprit not in self._culprits and len(self._culprits) >= self._culprit_budget:
            culprit = conventions.OVERFLOW
        if culprit not in self._culprits:
            self._culprits[culprit] = self._blocked.labels(culprit)
        self._culprits[culprit].inc()

    def thread_pool(self, workers: float, busy: int) -> None:
        """Threads there may be, and those at work."""
        self._workers.set(workers)
        self._busy.set(busy)
