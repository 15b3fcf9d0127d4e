from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF


@dataclass
class Collector:
    """An application's own provider, and everything that it was given."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    # Not asked: what is kept is decided by ours.
    provider: TracerProvider = field(
        default_factory=lambda: TracerProvider(
            ALWAYS_OFF, Resource({"service.name": "shop"}), shutdown_on_exit=False
        )
    )

    def __post_init__(self) -> None:
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def take(self) -> list[ReadableSpan]:
        """What came since the last time, in the order in which it began."""
        spans = sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
        self.exporter.clear()
        return spans

    def take_one(self) -> ReadableSpan:
        (span,) = self.take()
        return span


@pytest.fixture
def collector() -> Collector:
    return Collector()


def seen(span: ReadableSpan) -> dict[str, Any]:
    """What a span says, apart from its ids and times."""
    return {
        "name": span.name,
        "kind": span.kind,
        "status": (span.status.status_code, span.status.description),
        "attributes": dict(span.attributes or {}),
        "events": [(event.name, _known(dict(event.attributes or {}))) for event in span.events],
        "links": len(span.links),
        "scope": span.instrumentation_scope and span.instrumentation_scope.name,
        "resource": span.resource.attributes,
    }


def _known(attributes: dict[str, Any]) -> dict[str, Any]:
    """Without the outermost frames of a stack, which the server's side of it is."""
    stack = attributes.get("exception.stacktrace")
    return attributes if stack is None else {**attributes, "exception.stacktrace": stack.splitlines()[-3:]}
