"""The OpenTelemetry providers of an application: the one its own spans come from, and ours beside it."""

from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)

from observability.context import current
from observability.tracing.ids import GivenIds


def global_provider() -> TracerProvider | None:
    """The application's own provider, if it has set one."""
    provider = trace.get_tracer_provider()
    return provider if isinstance(provider, TracerProvider) else None


def new_provider(ratio: float, resource: Resource, processor: SpanProcessor) -> TracerProvider:
    """A provider for spans that the application opens itself: inside of a request, they follow the request."""
    provider = TracerProvider(
        sampler=ParentBased(_Root(TraceIdRatioBased(ratio))), resource=resource, id_generator=GivenIds()
    )
    provider.add_span_processor(processor)
    return provider


def nowhere() -> TracerProvider:
    """A provider whose spans nobody takes."""
    return TracerProvider(ALWAYS_OFF, Resource.get_empty(), shutdown_on_exit=False)


def recording_beside(provider: TracerProvider) -> TracerProvider:
    """A provider that records all it is told, with ids that were given out before, to the processors of another."""
    return TracerProvider(
        sampler=ALWAYS_ON,
        resource=provider.resource,
        shutdown_on_exit=False,
        active_span_processor=provider._active_span_processor,  # noqa: SLF001  nothing public gives it
        id_generator=GivenIds(),
        span_limits=provider._span_limits,  # noqa: SLF001  likewise
    )


class _Root(Sampler):
    """Starts no trace inside of a request whose trace is not chosen: it has one, which is buffered."""

    def __init__(self, elsewhere: Sampler) -> None:
        self._elsewhere = elsewhere

    def should_sample(self, *arguments: Any, **options: Any) -> SamplingResult:
        record = current()
        sampler = self._elsewhere if record is None else ALWAYS_ON if record.is_sampled else ALWAYS_OFF
        return sampler.should_sample(*arguments, **options)

    def get_description(self) -> str:
        return f"InsideOfRequests{{{self._elsewhere.get_description()}}}"
