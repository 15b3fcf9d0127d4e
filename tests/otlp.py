"""A collector that takes spans by OTLP over HTTP, for tests."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

__all__ = ["Collector", "Received", "Span", "Status", "running_collector"]


@dataclass(frozen=True, slots=True)
class Received:
    """One span as it arrived."""

    span: Span
    resource: dict[str, Any]

    @property
    def attributes(self) -> dict[str, Any]:
        return _values(self.span.attributes)

    @property
    def trace_id(self) -> str:
        return self.span.trace_id.hex()

    @property
    def seconds(self) -> float:
        return (self.span.end_time_unix_nano - self.span.start_time_unix_nano) / 1e9

    @property
    def events(self) -> dict[str, dict[str, Any]]:
        return {event.name: _values(event.attributes) for event in self.span.events}

    def is_within(self, other: "Received") -> bool:
        """Whether it is a child of the other, and happened during it."""
        inner, outer = self.span, other.span
        return (
            inner.parent_span_id == outer.span_id
            and outer.start_time_unix_nano <= inner.start_time_unix_nano
            and inner.end_time_unix_nano <= outer.end_time_unix_nano
        )


def _nothing() -> None:
    pass


@dataclass
class Collector:
    """Takes whatever comes, after a call of `on_arrival`; answers as it is told."""

    status: int = 200
    answers: threading.Event = field(default_factory=threading.Event)
    on_arrival: Callable[[], None] = _nothing
    spans: list[Received] = field(default_factory=list)
    url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that traces everything, and whose spans wait for its end."""
        return {
            "OTEL_TRACES_SAMPLER": "always_on",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": self.url,
            # Longer than anybody waits: what gives up before does so by itself.
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "600",
            "OTEL_BSP_SCHEDULE_DELAY": "600000",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2048",
        }

    def trace(self, trace_id: str) -> list[Received]:
        """The spans of one trace in the order in which they began."""
        found = [span for span in self.spans if span.trace_id == trace_id]
        return sorted(found, key=lambda each: each.span.start_time_unix_nano)

    def take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            attributes = _values(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans += [Received(span, attributes) for span in scope.spans]


@contextmanager
def running_collector() -> Iterator[Collector]:
    collector = Collector()
    collector.answers.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(collector))
    collector.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield collector
    finally:
        collector.answers.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(collector: Collector) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            collector.answers.wait(60)
            if collector.status == 200:
                collector.on_arrival()
                collector.take(ExportTraceServiceRequest.FromString(body))
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler


def _values(attributes: Any) -> dict[str, Any]:
    pairs: list[KeyValue] = list(attributes)
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None
