"""The outermost layer: every request and WebSocket passes here once."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability import context
from observability.asgi.connection import Connection
from observability.asgi.exchange import Exchange
from observability.asgi.headers import dress_for
from observability.asgi.routes import RouteTable
from observability.metrics.http import HttpMetrics
from observability.metrics.recorders import Recorders
from observability.settings import TelemetrySettings
from observability.tracing.tracing import Tracing

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
        self._recorders = telemetry.recorders
        self._active = metrics.active
        self._tracing = tracing = telemetry.tracing
        self._traced_app = tracing.serve(routes.app, app, routes.template)
        self._says = settings.request_log
        self.keeps = tracing.keeps
        self.least_slow = tracing.least_slow
        self.dress = dress_for(settings)
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
            return self._exposition(scope, receive, send)
        return self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._routes.is_prepared:
            self._get_ready()
        scope[_COUNTED] = True
        tracing = self._tracing
        record = tracing.sampler.start(scope)
        record.is_traced = tracing.is_on
        record.recorders = self._recorders
        record.scope = scope
        passing: Exchange | Connection
        if scope["type"] == "http":
            self._active.inc()
            passing = Exchange(self, record, receive, send)
        else:
            passing = Connection(self, record, receive, send)
        token = context.enter(record)
        app = self._traced_app if record.is_sampled else self.app
        error: BaseException | None = None
        try:
            await app(scope, passing.receive, passing.send)
        except BaseException as raised:
            error = raised
            raise
        finally:
            passing.close()
            if record.is_kept:
                if self._says:
                    passing.report(error)
                await tracing.keep(record, passing.past(error))
            record.is_traced = False
            error = None  # or it would refer to itself, by way of this frame
            context.leave(token)

    def _get_ready(self) -> None:
        self._routes.prepare()
        self._started()

    def _following(self, send: Send) -> Send:
        """Routes may be added until the application says that it has started."""

        async def following(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._get_ready()
            elif message["type"] in {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}:
                await self._stopped()
            await send(message)

        return following


def _path(scope: Scope) -> str:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path
