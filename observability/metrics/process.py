"""What is recorded of the process as the operating system and the garbage collector see it.

prometheus_client's own collectors show whichever process answers the scrape. These add up over workers instead: each
worker adds what it used since its last look, so totals survive workers that come and go.
"""

from collections.abc import Iterable, Mapping

from observability import conventions
from observability.metrics.instruments import Counter, CounterChild, Gauge
from observability.metrics.registry import Registry


class ProcessMetrics:
    """The standard families of a process and of its garbage collector."""

    def __init__(self, registry: Registry) -> None:
        """Register the families."""
        self._cpu = Total(Counter(conventions.PROCESS_CPU, registry).labels())
        self._resident = Gauge(conventions.PROCESS_RESIDENT_MEMORY, registry)
        self._virtual = Gauge(conventions.PROCESS_VIRTUAL_MEMORY, registry)
        self._open_fds = Gauge(conventions.PROCESS_OPEN_FDS, registry)
        self._max_fds = Gauge(conventions.PROCESS_MAX_FDS, registry)
        self._collected = Generations(Counter(conventions.GC_COLLECTED, registry))
        self._uncollectable = Generations(Counter(conventions.GC_UNCOLLECTABLE, registry))
        self._collections = Generations(Counter(conventions.GC_COLLECTIONS, registry))

    def cpu(self, seconds: float) -> None:
        """CPU time since the process started."""
        self._cpu.reached(seconds)

    def memory(self, *, resident: int, virtual: int) -> None:
        """Memory in bytes."""
        self._resident.set(resident)
        self._virtual.set(virtual)

    def file_descriptors(self, *, opened: int, limit: float) -> None:
        """Descriptors in use, and how many there may be."""
        self._open_fds.set(opened)
        self._max_fds.set(limit)

    def garbage(self, generations: Iterable[Mapping[str, int]]) -> None:
        """What `gc.get_stats()` says."""
        for generation, statistics in enumerate(generations):
            self._collected.reached(generation, statistics["collected"])
            self._uncollectable.reached(generation, statistics["uncollectable"])
            self._collections.reached(generation, statistics["collections"])


class Total:
    """Feeds a counter from a total that somebody else keeps."""

    def __init__(self, child: CounterChild) -> None:
        """Add to `child` what is new."""
        self._child = child
        self._reached = 0.0

    def reached(self, total: float) -> None:
        """The total is this much by now; one that fell adds nothing."""
        if total > self._reached:
            self._child.inc(total - self._reached)
            self._reached = total


class Generations:
    """A total for each generation of the garbage collector."""

    def __init__(self, family: Counter) -> None:
        """Each generation is a child of `family`."""
        self._family = family
        self._totals: dict[int, Total] = {}

    def reached(self, generation: int, total: float) -> None:
        """The total of one generation is this much by now."""
        if generation not in self._totals:
            self._totals[generation] = Total(self._family.labels(str(generation)))
        self._totals[generation].reached(total)
