"""What is recorded of caches."""

from typing import Literal

from observability import conventions
from observability.metrics.instruments import Counter, Gauge, Histogram
from observability.metrics.registry import Registry

Result = Literal["hit", "stale", "miss", "bypass", "error"]
_RESULTS: tuple[Result, ...] = ("hit", "stale", "miss", "bypass", "error")


class CacheFamilies:
    """The families of caches; `cache` gives what records one of them."""

    def __init__(self, registry: Registry) -> None:
        """Register the families."""
        self.requests = Counter(conventions.CACHE_REQUESTS, registry)
        self.fills = Histogram(conventions.CACHE_FILL_DURATION, registry)
        self.coalesced = Counter(conventions.CACHE_COALESCED, registry)
        self.invalidations = Counter(conventions.CACHE_INVALIDATIONS, registry)
        self.breaker_open = Gauge(conventions.CACHE_BREAKER_OPEN, registry)

    def cache(self, name: str) -> "CacheMetrics":
        """What records the cache of this name."""
        return CacheMetrics(self, name)


class CacheMetrics:
    """Records one cache."""

    def __init__(self, families: CacheFamilies, name: str) -> None:
        """Look the children up, so that every result of the cache exists from the start."""
        self._requests = {result: families.requests.labels(name, result) for result in _RESULTS}
        self._fills = families.fills.labels(name)
        self._coalesced = families.coalesced.labels(name)
        self._invalidations = families.invalidations.labels(name)
        self._breaker_open = families.breaker_open.labels(name)

    def looked_up(self, result: Result) -> None:
        """Count a look-up by its result."""
        self._requests[result].inc()

    def filled(self, seconds: float) -> None:
        """A missing value took so many seconds to compute."""
        self._fills.observe(seconds)

    def coalesced(self) -> None:
        """A caller waited for a computation under way instead of starting its own."""
        self._coalesced.inc()

    def invalidated(self) -> None:
        """An entry or a group of entries was invalidated."""
        self._invalidations.inc()

    def breaker_opened(self) -> None:
        """The cache's server fails and is left alone from now on."""
        self._breaker_open.set(1)

    def breaker_closed(self) -> None:
        """The cache's server is used again."""
        self._breaker_open.set(0)
