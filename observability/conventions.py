"""Every name that metrics show to the outside, once: metrics, labels, buckets.

Names follow the OpenTelemetry semantic conventions in their Prometheus form where those exist. Renaming
one breaks dashboards and alerts. Only plain data here, so that reading it loads nothing else.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family as it is exposed: counters carry their `_total`, durations are in seconds.

    Attributes:
        aggregate: What several workers show together: the sum of theirs, or the largest.
        exemplars: Whether values of a histogram lead to traces.
    """

    name: str
    kind: Kind
    documentation: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    aggregate: Literal["sum", "max"] = "sum"
    exemplars: bool = False


def _counter(name: str, documentation: str, *labels: str) -> Metric:
    return Metric(name, "counter", documentation, labels)


def _gauge(name: str, documentation: str, *labels: str, aggregate: Literal["sum", "max"] = "sum") -> Metric:
    return Metric(name, "gauge", documentation, labels, aggregate=aggregate)


def _histogram(
    name: str, documentation: str, *labels: str, buckets: tuple[float, ...], exemplars: bool = False
) -> Metric:
    return Metric(name, "histogram", documentation, labels, buckets, exemplars=exemplars)


# Labels
METHOD = "http_request_method"
ROUTE = "http_route"
STATUS = "http_response_status_code"
OUTCOME = "outcome"
LIMIT = "limit"
CLOSE_CODE = "websocket_close_code"
POOL = "db_client_connection_pool_name"
POOL_STATE = "db_client_connection_state"
DB_SYSTEM = "db_system_name"
DB_OPERATION = "db_operation_name"
ERROR_TYPE = "error_type"
CACHE = "cache"
RESULT = "result"
TASK = "task"
RUNNER = "runner"
STATE = "state"
CULPRIT = "culprit"
GENERATION = "generation"
METRIC = "metric"
VERSION = "version"
REVISION = "revision"

LABELS: dict[str, str] = {
    METHOD: "method of the request; one outside RFC 9110 and PATCH reads `_OTHER`",
    ROUTE: "template of the route, with the prefixes of its routers and mounts; no route reads `<unmatched>`, "
    "refused before there was one `<shed>`",
    STATUS: "status code; an unhandled exception is a 500",
    OUTCOME: "how it ended",
    LIMIT: "`deadline` of the answer, `rate` of requests, `body_size`, `body_time` to send it, `head_size` (bytes or number of "
    "headers), `head_time`, `answer_time` to read it, or a name of the application's own",
    CLOSE_CODE: "code that closed the WebSocket (RFC 6455), 1006 where none was sent; one that a client sent and IANA does not "
    "list reads `_OTHER`; the HTTP status of a refusal",
    POOL: "name given to `instrument`, or the engine's `pool_logging_name`, or its database's name",
    POOL_STATE: "`idle` or `used`",
    DB_SYSTEM: "`postgresql`, `redis`, or another dialect's name",
    DB_OPERATION: "first word of the statement, of one that begins `WITH` what the whole does, or the Redis command; a pipeline reads `PIPELINE`",
    ERROR_TYPE: "class of the error, empty when there was none",
    CACHE: "name of the cache",
    RESULT: "`hit`, `stale`, `miss`, `bypass` or `error`; a backend error is not a miss",
    TASK: "module and qualified name of the function; a job's own name",
    RUNNER: "`in_process` after the response, or `worker` on the durable queue",
    STATE: "`due` waits for a worker, `delayed` for its time, `running`, or `dead`",
    CULPRIT: "`module:function` that kept the event loop busy",
    GENERATION: "generation of the garbage collector",
    METRIC: "name of the metric that ran out of its series budget",
    VERSION: "version of the service",
    REVISION: "commit it was built from",
}

# Values
OTHER = "_OTHER"
UNMATCHED = "<unmatched>"
# The route of requests that were refused before a route was looked for, to protect the service.
SHED = "<shed>"
OVERFLOW = "<overflow>"
# Limits of requests: of the time to serve one, of requests a client may make, of what it sends and how long that takes.
DEADLINE = "deadline"
RATE = "rate"
BODY_SIZE = "body_size"
BODY_TIME = "body_time"
HEAD_SIZE = "head_size"
HEAD_TIME = "head_time"
ANSWER_TIME = "answer_time"
LIMITS = (DEADLINE, RATE, BODY_SIZE, BODY_TIME, HEAD_SIZE, HEAD_TIME, ANSWER_TIME)
KNOWN_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"},
)
# https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number
KNOWN_CLOSE_CODES = frozenset({*range(1000, 1016), 3000, 3003, 3008})

# Buckets, in seconds unless said otherwise
# https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
# https://opentelemetry.io/docs/specs/semconv/database/database-metrics/
DB_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
POOL_BUCKETS = (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
QUERY_COUNT_BUCKETS = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0, 89.0)  # queries
TASK_BUCKETS = (0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0)
CONNECTION_BUCKETS = (0.1, 1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# HTTP
HTTP_REQUEST_DURATION = _histogram(
    "http_server_request_duration_seconds",
    "Process time of a request, from its first byte in to its last body byte out, without background tasks. "
    "Requests whose client left are not in it.",
    *(METHOD, ROUTE, STATUS),
    buckets=HTTP_BUCKETS,
    exemplars=True,
)
HTTP_RESPONSE_START = _histogram(
    "http_server_response_start_seconds",
    "Time until a streamed response sent its first byte.",
    ROUTE,
    buckets=HTTP_BUCKETS,
)
HTTP_ACTIVE_REQUESTS = _gauge("http_server_active_requests", "Requests in flight now.")
HTTP_OUTCOMES = _counter(
    "http_server_request_outcomes_total",
    "How requests ended: completed, client_disconnected, aborted (the server broke off), shed (refused under load).",
    *(ROUTE, OUTCOME),
)
HTTP_LIMITS = _counter(
    "http_server_limits_exceeded_total",
    "Requests that a limit put an end to. Those whose head was not read are counted here alone, without a route.",
    *(ROUTE, LIMIT),
)
HTTP_DB_QUERIES = _histogram(
    "http_server_request_db_queries",
    "Database queries of one request; an N+1 shows here.",
    ROUTE,
    buckets=QUERY_COUNT_BUCKETS,
    exemplars=True,
)
WEBSOCKET_ACTIVE = _gauge("http_server_websocket_active_connections", "WebSockets open now.", ROUTE)
WEBSOCKET_DURATION = _histogram(
    "http_server_websocket_connection_duration_seconds",
    "Time a WebSocket stayed open, from its handshake to its close.",
    *(ROUTE, CLOSE_CODE),
    buckets=CONNECTION_BUCKETS,
)

# Databases
POOL_COUNT = _gauge("db_client_connection_count", "Connections of the pool, idle and used.", POOL, POOL_STATE)
POOL_MAX = _gauge("db_client_connection_max", "Connections the pool may open, overflow included.", POOL)
POOL_PENDING = _gauge("db_client_connection_pending_requests", "Callers waiting for a connection.", POOL)
POOL_WAIT = _histogram(
    "db_client_connection_wait_time_seconds",
    "Time a caller waited for the pool to give it a connection, without the time to connect.",
    POOL,
    buckets=POOL_BUCKETS,
)
POOL_USE = _histogram(
    "db_client_connection_use_time_seconds",
    "Time a connection was held before it went back to its pool.",
    POOL,
    buckets=POOL_BUCKETS,
)
POOL_CREATE = _histogram(
    "db_client_connection_create_time_seconds",
    "Time to open a new connection.",
    POOL,
    buckets=POOL_BUCKETS,
)
POOL_TIMEOUTS = _counter(
    "db_client_connection_timeouts_total", "Waits for a connection that were given up.", POOL
)
DB_OPERATION_DURATION = _histogram(
    "db_client_operation_duration_seconds",
    "Duration of a query or a Redis command.",
    *(DB_SYSTEM, DB_OPERATION, ERROR_TYPE),
    buckets=DB_BUCKETS,
    exemplars=True,
)

# Caches
CACHE_REQUESTS = _counter("cache_requests_total", "Look-ups in a cache, by result.", CACHE, RESULT)
CACHE_FILL_DURATION = _histogram(
    "cache_fill_duration_seconds",
    "Time to compute a value that the cache did not have.",
    CACHE,
    buckets=HTTP_BUCKETS,
)
CACHE_COALESCED = _counter("cache_coalesced_total", "Computations saved by waiting for one under way.", CACHE)
CACHE_INVALIDATIONS = _counter(
    "cache_invalidations_total", "Entries or groups of entries invalidated.", CACHE
)
CACHE_BREAKER_OPEN = _gauge(
    "cache_breaker_open",
    "1 while a worker bypasses the cache because its server fails.",
    CACHE,
    aggregate="max",
)

# Background work
TASK_DURATION = _histogram(
    "background_task_duration_seconds",
    "Duration of a background task: succeeded, failed, retried, or cancelled. A task that never started because one before "
    "it failed is cancelled after 0 s.",
    *(TASK, RUNNER, OUTCOME),
    buckets=TASK_BUCKETS,
)
TASKS_IN_PROGRESS = _gauge("background_tasks_in_progress", "Background tasks running now.", TASK, RUNNER)
TASK_QUEUE_DELAY = _histogram(
    "background_task_queue_delay_seconds",
    "Time from enqueueing (or the end of the response) to the start of the task.",
    *(TASK, RUNNER),
    buckets=TASK_BUCKETS,
)
QUEUE_DEPTH = _gauge(
    "background_queue_depth", "Jobs in the queue, read from the queue at scrape time.", TASK, STATE
)
QUEUE_OLDEST_AGE = _gauge(
    "background_queue_oldest_age_seconds",
    "Time since the oldest job in the state was due, was taken or died, read from the queue at scrape time.",
    *(TASK, STATE),
)

# Runtime
LOOP_LAG = _histogram("asyncio_event_loop_lag_seconds", "How late the event loop wakes.", buckets=LAG_BUCKETS)
LOOP_BLOCKED = _counter(
    "asyncio_event_loop_blocked_total",
    "Times the event loop was blocked beyond the threshold; the stack is in the log and on the trace.",
    CULPRIT,
)
THREAD_POOL_WORKERS = _gauge("thread_pool_workers", "Threads that `def` endpoints may use at once.")
THREAD_POOL_BUSY = _gauge("thread_pool_busy", "Threads that `def` endpoints use now.")
BUILD_INFO = _gauge(
    "service_build_info", "1, labelled with what runs.", *(VERSION, REVISION), aggregate="max"
)

# https://prometheus.io/docs/instrumenting/writing_clientlibs/#standard-and-runtime-collectors
PROCESS_CPU = _counter(
    "process_cpu_seconds_total", "User and system CPU time spent, of all workers together."
)
PROCESS_RESIDENT_MEMORY = _gauge("process_resident_memory_bytes", "Resident memory, of all workers together.")
PROCESS_VIRTUAL_MEMORY = _gauge("process_virtual_memory_bytes", "Virtual memory, of all workers together.")
PROCESS_OPEN_FDS = _gauge("process_open_fds", "Open file descriptors, of all workers together.")
PROCESS_MAX_FDS = _gauge("process_max_fds", "File descriptors that all workers together may open.")
PROCESS_START_TIME = _gauge(
    "process_start_time_seconds",
    "When the service started, since the Unix epoch: with several workers, the process that started them.",
    aggregate="max",
)
GC_COLLECTED = _counter(
    "python_gc_objects_collected_total", "Objects collected by the garbage collector.", GENERATION
)
GC_UNCOLLECTABLE = _counter(
    "python_gc_objects_uncollectable_total",
    "Objects the garbage collector found but could not free.",
    GENERATION,
)
GC_COLLECTIONS = _counter(
    "python_gc_collections_total", "Runs of the garbage collector over a generation.", GENERATION
)

# The telemetry watches itself
TELEMETRY_SERIES = _gauge("telemetry_series", "Series exposed.")
TELEMETRY_SERIES_DROPPED = _counter(
    "telemetry_series_dropped_total",
    "Label values that did not fit the series budget and were counted under `<overflow>`.",
    METRIC,
)
TELEMETRY_SCRAPE_DURATION = _histogram(
    "telemetry_scrape_duration_seconds",
    "Time to render one exposition.",
    buckets=HTTP_BUCKETS,
)
TELEMETRY_SPANS = _counter(
    "telemetry_spans_total",
    "Spans of kept traces: exported, failed (the collector did not take them), dropped (more than could wait for it).",
    OUTCOME,
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
