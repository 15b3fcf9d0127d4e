"""What is recorded of HTTP requests and WebSockets."""

from collections.abc import Iterable
from typing import Literal

from observability import conventions
from observability.context import RequestRecord
from observability.metrics.children import Children
from observability.metrics.instruments import (
    Counter,
    CounterChild,
    Gauge,
    GaugeChild,
    Histogram,
    HistogramChild,
)
from observability.metrics.registry import Registry

Outcome = Literal["completed", "client_disconnected", "aborted", "shed"]

SERVER_ERROR = 500
_UNAVAILABLE = 503


class HttpMetrics:
    """The families of the HTTP server; `route` gives what records one route."""

    def __init__(
        self,
        registry: Registry,
        *,
        thresholds: tuple[float, ...] = (),
        counts_queries: bool = False,
        limits: Iterable[str] = (),
    ) -> None:
        """Register the families.

        Args:
            registry: Where they are exposed.
            thresholds: Latency objectives in seconds, each an exact bucket.
            counts_queries: Whether a database is measured, so that queries a request mean something.
            limits: Names of limits whose series exist before the first request that exceeds one.
        """
        self.active = Gauge(conventions.HTTP_ACTIVE_REQUESTS, registry).labels()
        self.durations = Histogram(conventions.HTTP_REQUEST_DURATION, registry, thresholds)
        self.starts = Histogram(conventions.HTTP_RESPONSE_START, registry, thresholds)
        self.outcomes = Counter(conventions.HTTP_OUTCOMES, registry)
        self.limits = Counter(conventions.HTTP_LIMITS, registry)
        self.queries = Histogram(conventions.HTTP_DB_QUERIES, registry)
        self.counts_queries = counts_queries
        self.connections = Gauge(conventions.WEBSOCKET_ACTIVE, registry)
        self.connection_durations = Histogram(conventions.WEBSOCKET_DURATION, registry)
        self._routes: Children[str, RouteMetrics] = Children(lambda template: RouteMetrics(self, template))
        for limit in limits:
            self.limits.labels(conventions.UNMATCHED, limit)

    def route(self, template: str) -> "RouteMetrics":
        """What records the requests of one route."""
        return self._routes[template]


class RouteMetrics:
    """Records the requests of one route."""

    __slots__ = (
        "_closes",
        "_connections",
        "_durations",
        "_limits",
        "_outcomes",
        "_queries",
        "_starts",
        "template",
    )

    def __init__(self, families: HttpMetrics, template: str) -> None:
        """Look up what every request of the route needs."""
        self.template = template
        self._durations: Children[tuple[str, int], HistogramChild] = Children(
            lambda key: families.durations.labels(_known_method(key[0]), template, str(key[1])),
        )
        self._outcomes: Children[Outcome, CounterChild] = Children(
            lambda outcome: families.outcomes.labels(template, outcome),
        )
        self._limits: Children[str, CounterChild] = Children(
            lambda limit: families.limits.labels(template, limit),
        )
        self._starts: Children[None, HistogramChild] = Children(lambda _: families.starts.labels(template))
        self._queries = families.queries.labels(template) if families.counts_queries else None
        self._connections: Children[None, GaugeChild] = Children(
            lambda _: families.connections.labels(template)
        )
        self._closes: Children[int | str, HistogramChild] = Children(
            lambda code: families.connection_durations.labels(template, str(code)),
        )

    def expect(self, methods: Iterable[str], status: int) -> None:
        """Let the series of these methods exist before the first request: `rate` cannot see a first error otherwise."""
        for method in methods:
            _ = self._durations[method, status], self._durations[method, SERVER_ERROR]
        _ = self._outcomes["completed"]

    def expect_refusals(self, methods: Iterable[str]) -> None:
        """The same for requests that are refused under load."""
        for method in methods:
            _ = self._durations[method, _UNAVAILABLE]
        _ = self._outcomes["shed"]

    def request_answered(
        self, outcome: Outcome, method: str, status: int, seconds: float, record: RequestRecord
    ) -> None:
        """A response went out in full, or the server broke it off."""
        exemplar = record.exemplar if record.is_kept else ""
        self._durations[method, status].observe(seconds, exemplar)
        if self._queries is not None:
            self._queries.observe(record.query_count, exemplar)
        self._outcomes[outcome].inc()

    def request_refused(self, method: str) -> None:
        """A server refused a request before an application was called; that takes no time worth telling."""
        self._durations[method, _UNAVAILABLE].observe(0.0)
        self._outcomes["shed"].inc()

    def limit_exceeded(self, limit: str) -> None:
        """A limit of this name put an end to a request."""
        self._limits[limit].inc()

    def client_left(self) -> None:
        """The client did not wait for the end of the response: no latency of ours."""
        self._outcomes["client_disconnected"].inc()

    def stream_started(self, seconds: float) -> None:
        """A streamed response sent its first byte after so many seconds."""
        self._starts[None].observe(seconds)

    def websocket_opened(self) -> None:
        """A WebSocket was accepted."""
        self._connections[None].inc()

    def websocket_closed(self, code: int, seconds: float, *, was_open: bool, by_client: bool) -> None:
        """A WebSocket ended with this close code (or its handshake with this status) after so many seconds."""
        if was_open:
            self._connections[None].dec()
        # An application has some codes of its own; a client could invent thousands.
        is_bounded = not by_client or code in conventions.KNOWN_CLOSE_CODES
        self._closes[code if is_bounded else conventions.OTHER].observe(seconds)


def _known_method(method: str) -> str:
    """The method as a label: a bounded set."""
    return method if method in conventions.KNOWN_METHODS else conventions.OTHER
