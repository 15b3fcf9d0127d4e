"""The spans of requests and WebSockets, all made by opentelemetry-instrumentation-fastapi.

A request that was chosen at its start runs through it. One that is kept because of how it ended is shown to it
afterwards: the same scope, the same messages, the same exception, with the times they had. So the two look the same,
whatever that package makes of a request and however it is configured.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from opentelemetry.context import Context
from opentelemetry.instrumentation._semconv import _OpenTelemetrySemanticConventionStability
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Span,
    SpanKind,
    Tracer,
    TracerProvider,
    get_current_span,
)
from opentelemetry.util.types import Attributes
from starlette.background import BackgroundTask
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability.context import RequestRecord, current
from observability.tracing.promotion import remote_context
from observability.tracing.server_span import RouteOf, ServerSpan, method_of

_NAMES = "OTEL_SEMCONV_STABILITY_OPT_IN"
_PAST = "observability.past"


class ServerTracers(TracerProvider):
    """Gives tracers for the spans of requests."""

    def __init__(self, provider: SdkTracerProvider, route_of: RouteOf) -> None:
        """Make spans of `provider`; `route_of` gives the template that the routers chose."""
        self._provider = provider
        self._route_of = route_of

    def get_tracer(self, *arguments: Any, **options: Any) -> Tracer:
        """A tracer of that scope."""
        return ServerTracer(self._provider, self._provider.get_tracer(*arguments, **options), self._route_of)


def traced(stack: ServerErrorMiddleware, tracers: ServerTracers) -> ASGIApp:
    """The same application with its requests traced, beside the one without.

    Both share everything inside of `ServerErrorMiddleware`, so that no middleware exists twice.
    """
    shell = FastAPI(openapi_url=None)
    shell.build_middleware_stack = lambda: stack  # type: ignore[method-assign]
    with _background_tasks_left_alone(), _settled_names():
        FastAPIInstrumentor.instrument_app(
            shell,
            tracer_provider=tracers,
            meter_provider=NoOpMeterProvider(),
            exclude_spans=["receive", "send"],
        )
        instrumentation: Any = shell.build_middleware_stack()
    # Outermost it has one more layer that answers 500 should it fail itself: a server does so anyway.
    instrumentation = getattr(instrumentation, "app", instrumentation)
    # By default it matches every route once more, for a name that the span has only until it ends.
    instrumentation.default_span_details = _details_until_the_end
    return instrumentation  # type: ignore[no-any-return]


def _details_until_the_end(scope: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    return method_of(scope), {}


@contextmanager
def _settled_names() -> Iterator[None]:
    """Names of attributes as they were settled on, here alone, unless the environment chooses for the process."""
    if _NAMES in os.environ:
        yield
        return
    names: Any = _OpenTelemetrySemanticConventionStability  # it reads the environment once
    before = names._initialized, dict(names._OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING)  # noqa: SLF001
    os.environ[_NAMES], names._initialized = "http", False  # noqa: SLF001
    try:
        yield
    finally:
        del os.environ[_NAMES]
        names._initialized, names._OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING = before  # noqa: SLF001


@contextmanager
def _background_tasks_left_alone() -> Iterator[None]:
    """They are measured here already; OpenTelemetry's instrumentation replaces them for the whole process."""
    stock, was_replaced = BackgroundTask.__call__, hasattr(BackgroundTask, "_otel_original_call")
    yield
    if not was_replaced:
        BackgroundTask.__call__ = stock  # type: ignore[method-assign]
        del BackgroundTask._otel_original_call  # type: ignore[attr-defined]  # noqa: SLF001  what tells it so


@dataclass(frozen=True, slots=True)
class Past:
    """What became of a request.

    Attributes:
        messages: What it sent, up to the error if there was one.
        error: What it raised, None when that was after the response.
        answer: What was sent because of the error.
    """

    messages: Sequence[Message] = ()
    error: BaseException | None = None
    answer: Sequence[Message] = ()


class Replay:
    """Shows requests that are over to OpenTelemetry's instrumentation."""

    def __init__(self, app: Any, tracers: ServerTracers) -> None:
        """`app` is the application whose requests they were."""
        self._app = app
        handler: Any = _answer_again  # an answer need not be a `Response` to be called
        self._traced = traced(ServerErrorMiddleware(_act, handler=handler), tracers)

    async def show(self, record: RequestRecord, past: Past) -> None:
        """Make the span of the current record's request."""
        scope = {
            **record.scope,
            "app": self._app,
            "root_path": record.scope.get("app_root_path", record.scope.get("root_path", "")),
            _PAST: past,
        }
        error = past.error
        traceback = error.__traceback__ if error else None
        try:
            await self._traced(scope, _nobody, _nobody)
        except BaseException as raised:
            if raised is not error:
                raise
            raised.__traceback__ = traceback


async def _act(scope: Scope, receive: Receive, send: Send) -> None:
    del receive
    past: Past = scope[_PAST]
    for message in past.messages:
        await send(message)
    if past.error is not None:
        raise past.error


async def _answer_again(request: Request, _error: Exception) -> ASGIApp:
    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        past: Past = request.scope[_PAST]
        for message in past.answer:
            await send(message)

    return answer


async def _nobody(*_said: Message) -> Any:
    """The client of a request that is over: says nothing, hears nothing."""


class ServerTracer(Tracer):
    """Gives spans of requests the ids that their records have, their true times, and our names of routes."""

    def __init__(self, provider: SdkTracerProvider, tracer: Any, route_of: RouteOf) -> None:
        """Make spans of `tracer`; `route_of` gives the template that the routers chose."""
        self._provider = provider
        self._tracer = tracer
        self._scope: InstrumentationScope = tracer._instrumentation_scope  # noqa: SLF001  nothing public gives it
        self._route_of = route_of

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.SERVER,
        attributes: Attributes = None,
        *arguments: Any,
        **options: Any,
    ) -> Span:
        """The span of the current record."""
        record = current()
        if record is None:
            theirs: Span = self._tracer.start_span(name, context, kind, attributes, *arguments, **options)
            return theirs
        context = _inside_of_caller(record, context)
        record.server_span = span = ServerSpan(self._provider, self._scope, record, context, attributes)
        span.route_of = self._route_of
        span.start(record.wall_clock(record.started_at), context)
        return span

    def start_as_current_span(self, *arguments: Any, **options: Any) -> Any:
        """Any other span."""
        return self._tracer.start_as_current_span(*arguments, **options)


def _inside_of_caller(record: RequestRecord, context: Context | None) -> Context | None:
    """The context that the propagators found, if it agrees with the record's ids."""
    if not record.parent_id or get_current_span(context).get_span_context().trace_id == record.trace_number:
        return context
    return remote_context(record.trace_number, record.parent_id, is_sampled=record.is_sampled, base=context)
