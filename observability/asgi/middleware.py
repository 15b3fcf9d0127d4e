"""The outermost layer: every request and WebSocket passes here once."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
from opentelemetry.context import detach
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability import context
from observability.asgi.connection import Connection
from observability.asgi.exchange import Exchange
from observability.asgi.headers import Dress, Headers, dress_for
from observability.asgi.routes import RouteTable
from observability.context import RequestRecord
from observability.metrics.http import HttpMetrics
from observability.metrics.recorders import Recorders
from observability.settings import TelemetrySettings
from observability.tracing.tracing import Tracing, adopt_span

log = structlog.get_logger(__name__)

# In a scope, it says that an instrumented application further out already counts this request.
_COUNTED = "observability.is_counted"


class Telemetry(Protocol):
    """What the middleware needs of what `instrument` made."""

    @property
    def settings(self) -> TelemetrySettings: ...

    @property
    def recorders(self) -> Recorders: ...

    @property
    def tracing(self) -> Tracing: ...

    def scrape_endpoint(self) -> ASGIApp: ...


class RequestMiddleware:
    """Measures requests and WebSockets from outside everything else, `ServerErrorMiddleware` included."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: HttpMetrics,
        routes: RouteTable,
        telemetry: Telemetry,
        started: Callable[[], None],
        stopped: Callable[[], Awaitable[None]],
    ) -> None:
        """Stand in front of `app`, record into `metrics`, and trace.

        `started` is called on the event loop that serves the application, `stopped` when a server ends its lifespan.
        """
        # FastAPI looks for OpenTelemetry's middleware along the chain of `app`.
        self.app = app
        self._started = started
        self._stopped = stopped
        settings = telemetry.settings
        self._metrics_paths = (settings.metrics_path,) if settings.metrics_path else ()
        self._exposition = telemetry.scrape_endpoint()
        self._routes = routes
        self.recorders = telemetry.recorders
        self._active = metrics.active
        self._tracing = tracing = telemetry.tracing
        self._says = settings.request_log
        self.is_traced = tracing.is_on
        self.decide = tracing.sampler.decide
        self.keeps = tracing.keeps
        self.least_slow = tracing.least_slow
        self._shows_all = tracing.shows_all
        self.dress = self._dress = dress_for(settings)
        self.route_of = routes.find
        self.request_over = metrics.active.dec

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Hand the call on; not a coroutine of its own, which every request would pay for."""
        kind = scope["type"]
        if kind == "lifespan":
            return self.app(scope, receive, self._following(send))
        if _COUNTED in scope:
            return self.app(scope, receive, send)
        # Servers with a root path put it in front of the path.
        if (
            kind == "http"
            and scope["path"].endswith(self._metrics_paths)
            and _path(scope) in self._metrics_paths
        ):
            if not self._routes.is_prepared:
                self._start_untold()
            return self._exposition(scope, receive, send)
        return self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._routes.is_prepared:
            self._start_untold()
        scope[_COUNTED] = True
        record: Exchange | Connection
        if scope["type"] == "http":
            record = Exchange(self, scope, receive, send)
            self._active.inc()
        else:
            record = Connection(self, scope, receive, send)
        token = context.enter(record)
        inside = (
            self._tracing.begin(record) if record.is_sampled or record.parent_id or self._shows_all else None
        )
        error: BaseException | None = None
        try:
            await self.app(scope, record.receive, record.send)
        except BaseException as raised:
            error = raised
            context.mark_error(raised, record)
            raise
        finally:
            record.close()
            if record.is_kept:
                if self._says:
                    record.report(error)
                self._tracing.keep(record, record.ending(error))
            record.is_traced = False
            error = None  # or it would refer to itself, by way of this frame
            if inside is not None:
                detach(inside)
            context.leave(token)

    def _start_untold(self) -> None:
        """No server told of the start, so none will tell of the end: so it is with an application that is mounted."""
        if self.is_traced:
            log.info(
                "telemetry_without_lifespan",
                advice="await app.state.telemetry.flush() before the process ends, or its last spans are lost",
            )
        self._get_ready()

    def _get_ready(self) -> None:
        self._routes.prepare()
        self._started()
        # By now it is known whether somebody else decides.
        self.decide = self._tracing.sampler.decide
        self._shows_all = self._tracing.shows_all
        self.dress = _adopting(self._dress) if self._tracing.is_guest else self._dress

    def _following(self, send: Send) -> Send:
        """Routes may be added until the application says that it has started."""

        async def following(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._get_ready()
            elif message["type"] in {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}:
                await self._stopped()
            await send(message)

        return following


def _adopting(dress: Dress) -> Dress:
    """Let an answer that was given before any router tell of the trace that somebody else made."""

    def adopt_and_dress(headers: Headers, record: RequestRecord, seconds: float) -> Headers:
        if record.server_span is None:
            adopt_span(record)
        return dress(headers, record, seconds)

    return adopt_and_dress


def _path(scope: Scope) -> str:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path
