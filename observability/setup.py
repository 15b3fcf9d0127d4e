"""The one call that makes an application measurable."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakSet

from anyio import to_thread
from opentelemetry.sdk.trace import TracerProvider
from starlette.applications import Starlette
from starlette.types import ASGIApp

from observability import conventions
from observability.asgi.admin import AdminServer
from observability.asgi.exposition import ScrapeEndpoint
from observability.asgi.middleware import RequestMiddleware
from observability.asgi.routes import RouteTable, watch_router
from observability.background import in_process
from observability.background.jobs import JobRun, measured_job
from observability.background.measurement import TaskRun
from observability.clients import fastapi_cache
from observability.clients.caches import CacheRecorder
from observability.clients.database import AnyEngine, measure_engine, named_engines
from observability.clients.http import http_clients, trace_http
from observability.clients.redis import measure_redis, named_clients
from observability.errors import AlreadyInstrumented
from observability.logs.configuration import join_servers
from observability.metrics.exposition import Exposition
from observability.metrics.http import HttpMetrics
from observability.metrics.recorders import Recorders, recorders, show_build
from observability.metrics.registry import Registry
from observability.runtime.overlap import owner_of_server_spans, report_late_provider, report_sources
from observability.runtime.watch import RuntimeWatch
from observability.runtime.workers import share_with_workers
from observability.settings import TelemetrySettings
from observability.tracing.providers import global_provider
from observability.tracing.tracing import Tracing, adopt_span, tracing_for

_instrumented: WeakSet[Starlette] = WeakSet()


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What `instrument` made: where metrics are, and where to record more."""

    service_name: str
    settings: TelemetrySettings
    registry: Registry
    recorders: Recorders
    runtime: RuntimeWatch
    exposition: Exposition
    tracing: Tracing
    requests: HttpMetrics | None = None

    @property
    def tracer_provider(self) -> TracerProvider | None:
        """The provider for spans opened with OpenTelemetry's own API, None when nothing is traced."""
        return self.tracing.provider

    def scrape_endpoint(self) -> ASGIApp:
        """An ASGI application that answers scrapes, to serve elsewhere than under `metrics_path`."""
        return ScrapeEndpoint(self.exposition)

    def measured_task(
        self,
        task: str,
        *,
        queue_delay: float | None = None,
        headers: Mapping[str, str] | None = None,
        job_id: str = "",
        attempt: int = 1,
    ) -> AbstractContextManager[TaskRun]:
        """Measure and trace a block as one run of a queue's job.

        Args:
            task: Name of the job; a bounded set.
            queue_delay: Seconds since it was enqueued, None when unknown.
            headers: What `background.enqueuing.enqueuing` gave when it was enqueued: its trace goes on.
            job_id: What the queue calls it: its attempts are linked.
            attempt: Which run this is, from 1.
        """
        job = JobRun(task, queue_delay, headers or {}, job_id, attempt)
        return measured_job(self.tracing, self.recorders, job)

    def request_refused(self, method: str) -> None:
        """Count a request that is refused under load before the application is called.

        Within it, `context.mark_shed` does that.
        """
        if self.requests is not None:
            self.requests.route(conventions.SHED).request_refused(method)

    async def flush(self) -> None:
        """Export the spans that wait; gives up after some seconds.

        At the end of a process, before it lets go of its connections: should that take long, somebody may kill it.
        """
        await to_thread.run_sync(self.tracing.flush)

    def limit_exceeded(self, limit: str) -> None:
        """Count a request that a limit put an end to before the application was called.

        Within it, `context.mark_limit` does that.
        """
        if self.requests is not None:
            self.requests.route(conventions.UNMATCHED).limit_exceeded(limit)

    def cache(self, name: str) -> CacheRecorder:
        """What records the application's own cache of this name."""
        return CacheRecorder(name, self.recorders.caches.cache(name))


def instrument(
    app: Starlette,
    *,
    service_name: str,
    engine: AnyEngine | Mapping[str, AnyEngine] | None = None,
    redis: Any = None,
    http: Any = None,
    settings: TelemetrySettings | None = None,
    registry: Registry | None = None,
    tracer_provider: TracerProvider | None = None,
) -> Telemetry:
    """Measure an application from outside everything else it is made of.

    What it gives is also at `app.state.telemetry`, unless the application has something of its own there. An error leaves
    the application, the engines and the clients as they were.

    Args:
        app: A FastAPI or Starlette application; routes and middleware may still be added to it.
        service_name: Name of the service in traces and logs.
        engine: SQLAlchemy engine, async or sync, or several by pool name.
        redis: Client of redis.asyncio, or several by name.
        http: Asynchronous client of httpx or httpx2, or several by name, whose calls are traced.
        settings: Choices; the defaults suit most.
        registry: Where to record, by default a new one with the series budget of the settings.
        tracer_provider: The application's own provider of OpenTelemetry's SDK, whose processors get the spans; by default
            the global one if there is one, else one that exports as the settings and `OTEL_*` say.

    Raises:
        AlreadyInstrumented: The application, an engine or a client was given to an earlier call.
        TypeError: An engine is none of SQLAlchemy, or a client not asynchronous.
    """
    if app in _instrumented:
        msg = "This application is instrumented already; use what the first call returned."
        raise AlreadyInstrumented(msg)
    dependencies = _Dependencies(engine, redis, http)
    telemetry = _telemetry(service_name, settings or TelemetrySettings(), registry, tracer_provider)
    requests = HttpMetrics(
        telemetry.registry,
        thresholds=telemetry.settings.latency_thresholds,
        counts_queries=bool(dependencies.engines),
        limits=telemetry.settings.limits,
    )
    telemetry = replace(telemetry, requests=requests)
    dependencies.measure(telemetry.recorders)
    _instrumented.add(app)
    if not hasattr(app.state, "telemetry"):
        app.state.telemetry = telemetry
    in_process.install()
    fastapi_cache.install()
    _stand_outside(app, telemetry, requests, has_provider=bool(tracer_provider or global_provider()))
    return telemetry


def instrument_worker(
    *,
    service_name: str,
    engine: AnyEngine | Mapping[str, AnyEngine] | None = None,
    redis: Any = None,
    http: Any = None,
    settings: TelemetrySettings | None = None,
    registry: Registry | None = None,
    tracer_provider: TracerProvider | None = None,
) -> Telemetry:
    """Measure a process that serves no requests, such as a queue's worker; takes and raises what `instrument` does.

    Call `telemetry.runtime.start()` on the event loop once it runs.
    """
    dependencies = _Dependencies(engine, redis, http)
    telemetry = _telemetry(service_name, settings or TelemetrySettings(), registry, tracer_provider)
    dependencies.measure(telemetry.recorders)
    return telemetry


class _Dependencies:
    """What is measured besides requests: looked at as a whole before anything of it is changed."""

    def __init__(self, engine: AnyEngine | Mapping[str, AnyEngine] | None, redis: Any, http: Any) -> None:
        self.engines = named_engines(engine)
        self._redis = named_clients(redis)
        self._http = http_clients(http)

    def measure(self, made: Recorders) -> None:
        for name, engine in self.engines.items():
            measure_engine(engine, name, made.pools, made.operations)
        for client in self._redis.values():
            measure_redis(client, made.operations)
        for client in self._http:
            trace_http(client)


def _telemetry(
    service_name: str,
    settings: TelemetrySettings,
    registry: Registry | None,
    tracer_provider: TracerProvider | None,
) -> Telemetry:
    registry = registry or Registry(series_budget=settings.series_budget)
    made = recorders(registry)
    show_build(registry, settings.service_version, settings.service_revision)
    runtime = RuntimeWatch(registry, settings)
    tracing = tracing_for(service_name, settings, tracer_provider, made.spans)
    return Telemetry(service_name, settings, registry, made, runtime, Exposition(registry), tracing)


class _Life:
    """What runs while the application is served."""

    def __init__(self, app: Starlette, telemetry: Telemetry, *, has_provider: bool) -> None:
        settings = telemetry.settings
        self._app = app
        self._telemetry = telemetry
        self._has_provider = has_provider
        self._adopts = False
        self._admin = (
            AdminServer(telemetry.scrape_endpoint, settings.admin_host, settings.admin_port)
            if settings.admin_port
            else None
        )

    def started(self) -> None:
        telemetry = self._telemetry
        share_with_workers(telemetry.registry, telemetry.settings.workers_folder, telemetry.service_name)
        telemetry.runtime.start()
        if self._admin:
            self._admin.start()
        join_servers()
        report_sources(self._app)
        if not self._has_provider:
            report_late_provider()
        # An application may start many times, as it does for the tests of its owner.
        if not self._adopts and owner_of_server_spans(self._app):
            self._adopts = True
            telemetry.tracing.stand_back()
            watch_router(self._app.router, adopt_span)

    async def stopped(self) -> None:
        self._telemetry.runtime.stop()
        if self._admin:
            self._admin.stop()
        await self._telemetry.flush()


def _stand_outside(app: Starlette, telemetry: Telemetry, http: HttpMetrics, *, has_provider: bool) -> None:
    routes, build, life = (
        RouteTable(app, http, sheds_load=telemetry.settings.sheds_load),
        app.build_middleware_stack,
        _Life(app, telemetry, has_provider=has_provider),
    )

    def outermost(stack: ASGIApp) -> ASGIApp:
        if app.user_middleware:
            watch_router(app.router)
        return RequestMiddleware(
            stack,
            metrics=http,
            routes=routes,
            telemetry=telemetry,
            started=life.started,
            stopped=life.stopped,
        )

    app.build_middleware_stack = lambda: outermost(build())  # type: ignore[method-assign]
    if app.middleware_stack is not None:
        app.middleware_stack = outermost(app.middleware_stack)
