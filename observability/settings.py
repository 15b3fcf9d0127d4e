"""What can be chosen about telemetry: plain values, read from nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass

_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """Choices of one instrumented application. Times are in seconds."""

    service_version: str = ""
    service_revision: str = ""

    # Path that answers scrapes, or None to serve none (an admin port can).
    metrics_path: str | None = "/metrics"
    # Port of 127.0.0.1 or of `admin_host` that serves scrapes apart from the API; None for none.
    admin_port: int | None = None
    admin_host: str = "127.0.0.1"

    # Thresholds of latency objectives: each becomes an exact bucket.
    latency_thresholds: tuple[float, ...] = ()
    response_headers: bool = True
    # Whether `Server-Timing` tells clients how long database and cache took.
    server_timing: bool = True

    # Whether the application refuses requests under load (`context.mark_shed`): their series exist from the start then.
    sheds_load: bool = False
    # Names of the limits of requests (`context.mark_limit`) whose series exist from the start.
    limits: tuple[str, ...] = ()

    # Series one metric may have; more are counted under `<overflow>`.
    series_budget: int = 2_000
    # Folder that several worker processes share; None finds one by itself.
    workers_folder: str | None = None

    # Share of the traces that are kept whatever happens; None leaves it to `OTEL_TRACES_SAMPLER`, or 1 %. Requests with
    # a `traceparent` follow their caller.
    trace_sample_ratio: float | None = None
    # Other shares for some routes, by template below the root path: {"/health": 0}.
    trace_sample_ratios: Mapping[str, float] | None = None
    # A request that takes longer is kept, as is one that fails; None takes the largest of `latency_thresholds`, or 1 s.
    slow_threshold: float | None = None
    # Other thresholds for some routes, by template: {"/reports": 10}.
    slow_thresholds: Mapping[str, float] | None = None
    # Full address that takes spans, `http://collector:4318/v1/traces`; None leaves it to `OTEL_EXPORTER_OTLP_*`. With
    # neither, nothing is traced.
    otlp_endpoint: str | None = None

    # Whether each kept request is a line of the log.
    request_log: bool = True

    # How often it is measured how late the event loop wakes.
    loop_lag_interval: float = 0.05
    # A loop that wakes later than this was blocked: who did it is counted and logged. Callbacks that take at least
    # threshold + interval are always noticed, shorter ones than the threshold never.
    loop_blocked_threshold: float = 0.1
    # Culprits told apart; more are counted under `<overflow>`.
    culprit_budget: int = 50

    def __post_init__(self) -> None:
        """Refuse now what would fail in a thread later.

        Raises:
            ValueError: `admin_port` is not a port.
        """
        if self.admin_port is not None and not 0 <= self.admin_port <= _LAST_PORT:
            msg = f"admin_port is {self.admin_port}; ports are 1 to {_LAST_PORT}"
            raise ValueError(msg)
