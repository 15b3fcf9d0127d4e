"""Where finished spans go: OTLP over HTTP in batches, in a thread of the SDK's, at nobody's cost but theirs."""

import logging
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

# A collector that does not answer may keep the end of a process waiting for so many seconds.
FLUSH_SECONDS = 5.0
_REPORT_SECONDS = 60.0
# The SDK says of every batch what is counted and summed up here.
_NOISY = ("opentelemetry.exporter.otlp.proto.http", "opentelemetry.sdk._shared_internal")

log = structlog.get_logger(__name__)


def resource(service_name: str, version: str) -> Resource:
    """What this process is, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` say otherwise."""
    own = {"service.name": service_name, "service.instance.id": str(uuid.uuid4())}
    if version:
        own["service.version"] = version
    return Resource.create(own).merge(OTELResourceDetector().detect())


class SpanRecorder(Protocol):
    """Records what becomes of spans (`metrics.spans.SpanMetrics`)."""

    def exported(self, count: int) -> None: ...

    def failed(self, count: int) -> None: ...

    def dropped(self, count: int) -> None: ...


class SpanCounts:
    """Counts what becomes of spans, and says once a minute how many were lost."""

    def __init__(self, recorder: SpanRecorder) -> None:
        """Count with `recorder`."""
        self._recorder = recorder
        self._lock = threading.Lock()
        self._lost = Counter[str]()
        self._silent_until = 0.0

    def exported(self, count: int) -> None:
        """The collector has them."""
        self._recorder.exported(count)

    def failed(self, count: int) -> None:
        """The collector did not take them."""
        self._recorder.failed(count)
        self._report(failed=count)

    def dropped(self, count: int = 1) -> None:
        """So many had to make room for others, or were left over at the end."""
        self._recorder.dropped(count)
        self._report(dropped=count)

    def end(self) -> None:
        """Say what is not said yet: no more will be."""
        with self._lock:
            self._silent_until = 0.0
        self._report()

    def _report(self, **lost: int) -> None:
        with self._lock:
            self._lost.update(lost)
            if not self._lost or monotonic() < self._silent_until:
                return
            self._silent_until = monotonic() + _REPORT_SECONDS
            total, self._lost = self._lost, Counter()
        log.warning("telemetry_spans_lost", **total)


class CountingExporter(SpanExporter):
    """An exporter that counts."""

    def __init__(self, exporter: SpanExporter, counts: SpanCounts) -> None:
        """Export through `exporter`."""
        self._exporter = exporter
        self._counts = counts
        self._lock = threading.Lock()
        self._on_their_way = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export, and count whether it worked."""
        result = SpanExportResult.FAILURE
        self._on_their_way = len(spans)
        try:
            result = self._exporter.export(spans)
        finally:
            has_worked = result is SpanExportResult.SUCCESS
            self._settle(self._counts.exported if has_worked else self._counts.failed)
        return result

    def give_up(self) -> None:
        """Count what is on its way as failed: the process may end before an answer comes."""
        self._settle(self._counts.failed)

    def _settle(self, count: Callable[[int], None]) -> None:
        with self._lock:
            settled, self._on_their_way = self._on_their_way, 0
        if settled:
            count(settled)

    def shutdown(self) -> None:
        """No more spans will come."""
        self._exporter.shutdown()


class Batches(BatchSpanProcessor):
    """The SDK's batch processor, which counts what it has no room for and does not wait long at the end."""

    def __init__(self, exporter: SpanExporter, counts: SpanCounts) -> None:
        """Export through `exporter`; sizes and delays are those of `OTEL_BSP_*`."""
        self._exporter = CountingExporter(exporter, counts)
        super().__init__(self._exporter)
        self._counts = counts
        self._has_spans = False
        self._flushing: threading.Thread | None = None

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span, at the cost of the oldest one when there are too many."""
        self._has_spans = True
        batches = self._batch_processor
        if batches._shutdown or len(batches._queue) >= batches._max_queue_size:  # noqa: SLF001  told to the log alone
            self._counts.dropped()
        super().on_end(span)

    def flush(self) -> None:
        """Export what there is; gives up after some seconds, and at once if an earlier call did and still waits."""
        if not self._has_spans or self._is_unanswered():
            return
        self._has_spans = False
        self._flushing = threading.Thread(target=self.force_flush, name="flush-spans", daemon=True)
        self._flushing.start()
        self._flushing.join(FLUSH_SECONDS)
        if self._is_unanswered():
            log.warning("telemetry_flush_given_up", seconds=FLUSH_SECONDS)

    def shutdown(self) -> None:
        """Export what there is and end the thread; gives up as `flush` does."""
        batches = self._batch_processor
        batches.shutdown(0 if self._is_unanswered() else int(FLUSH_SECONDS * 1000))
        if batches._queue:  # noqa: SLF001  told to nobody
            self._counts.dropped(len(batches._queue))  # noqa: SLF001
        self._exporter.give_up()
        self._counts.end()

    def _is_unanswered(self) -> bool:
        """Whether a flush still waits for the collector, which has had its time then."""
        return self._flushing is not None and self._flushing.is_alive()


def otlp_exporter(endpoint: str | None) -> SpanExporter:
    """The exporter to this address, or as `OTEL_EXPORTER_OTLP_*` say."""
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return OTLPSpanExporter(endpoint=endpoint)
