"""The tracing of one application: what is traced, what is kept, and how it becomes spans."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Token

import structlog
from opentelemetry.context import Context, attach, get_current
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_current_span

from observability.context import RequestRecord
from observability.settings import TelemetrySettings
from observability.tracing.buffer import Facts
from observability.tracing.environment import is_disabled, is_wanted, sampling_rule
from observability.tracing.exceptions import record_exception
from observability.tracing.export import Batches, SpanCounts, SpanRecorder, otlp_exporter, resource
from observability.tracing.finished import FinishedSpans
from observability.tracing.promotion import promote, start_own
from observability.tracing.providers import global_provider, new_provider, nowhere, recording_beside
from observability.tracing.sampling import NEVER, Sampler, SamplingRule
from observability.tracing.server_span import WITHOUT_SPAN, Ending, ServerSpans, has_baggage, without_span

DEFAULT_SLOW_THRESHOLD = 1.0
_SERVER_ERROR = 500

log = structlog.get_logger(__name__)


def tracing_for(
    service_name: str,
    settings: TelemetrySettings,
    given: TracerProvider | None,
    recorder: SpanRecorder,
) -> "Tracing":
    """What the settings, the environment, and the application's own provider (given or global) ask for."""
    rule = sampling_rule(settings)
    if is_disabled():
        return Tracing(settings, rule, None)
    theirs = given or global_provider()
    if theirs is not None or not is_wanted(settings):
        return Tracing(settings, rule, theirs)
    batches = Batches(otlp_exporter(settings.otlp_endpoint), SpanCounts(recorder))
    own = new_provider(rule.ratio, resource(service_name, settings.service_version), batches)
    return Tracing(settings, rule, own, flush=batches.flush)


def _nothing_to_flush() -> None:
    """An application's own provider is its own to flush."""


class Tracing:
    """Decides which traces are kept, and exports those.

    Attributes:
        is_on: Whether anything is traced.
        sampler: Decides at the start of a request.
        provider: For spans that the application opens itself; None when nothing is traced.
        flush: Exports what waits, and returns within seconds.
        least_slow: Seconds within which no request is slow, whatever its route.
        is_guest: Whether somebody else makes the spans of requests.
        shows_all: Whether requests that are not chosen have a context, too: without it, an own provider of the application
            would start traces in them.
    """

    def __init__(
        self,
        settings: TelemetrySettings,
        rule: SamplingRule,
        provider: TracerProvider | None,
        flush: Callable[[], None] | None = None,
    ) -> None:
        """Give spans to the processors of `provider`, the application's own unless `flush` is given; None traces nothing."""
        self.is_on = provider is not None
        self.provider = provider
        self.flush = flush or _nothing_to_flush
        self._rule = rule if provider else NEVER
        self.sampler = Sampler(self._rule)
        recording = recording_beside(provider or nowhere())
        self._server_spans = ServerSpans(recording)
        self._finished = FinishedSpans(recording)
        self._slow_after = _slow_after(settings)
        self._slow_after_of = settings.slow_thresholds or {}
        self.least_slow = min((self._slow_after, *self._slow_after_of.values()))
        self.is_guest = False
        self.shows_all = self.is_on and flush is None

    def stand_back(self) -> None:
        """Somebody else makes the spans of requests, and decides which: add to theirs."""
        self.sampler = Sampler(NEVER)
        self.is_guest = True
        self.shows_all = False

    def begin(self, record: RequestRecord) -> Token[Context] | None:
        """Let spans that the application opens be inside of the request's, which starts if it was chosen.

        What this gives is for `opentelemetry.context.detach`, once the request is over.
        """
        if not record.is_sampled:
            return self._begin_without_span(record)
        if self._server_spans.excludes(record.scope):
            record.is_sampled = record.is_traced = False
            return None
        return _enter(record, self._server_spans.start)

    def _begin_without_span(self, record: RequestRecord) -> Token[Context] | None:
        if record.parent_id and record.is_traced and not self.is_guest and has_baggage(record.scope):
            return _enter(record, without_span)
        return attach(WITHOUT_SPAN) if self.shows_all else None

    def keeps(self, record: RequestRecord, route: str, status: int, seconds: float) -> bool:
        """Whether the trace of a request that ended like this is kept."""
        if record.is_sampled or not record.is_traced or self.is_guest:
            return record.is_sampled
        return self._is_telling(record, route, status, seconds) and not self._server_spans.excludes(
            record.scope
        )

    def _is_telling(self, record: RequestRecord, route: str, status: int, seconds: float) -> bool:
        slow_after = self._slow_after_of.get(route, self._slow_after)
        return seconds > slow_after or (status >= _SERVER_ERROR and not record.is_shed)

    def keep(self, record: RequestRecord, ending: Ending) -> None:
        """Export the trace of a request that is over."""
        record.is_traced = False
        with _harmless(record):
            if not self.is_guest:
                self._export(record, ending)
            elif record.is_sampled:
                promote(self._finished, record)
        # They refer to each other: neither would be gone before the garbage collector came.
        record.server_span = None

    def _export(self, record: RequestRecord, ending: Ending) -> None:
        if record.server_span is None:
            if self._server_spans.excludes(record.scope):
                return
            self._server_spans.start(record)
        self._server_spans.end(record, ending)
        promote(self._finished, record)

    def keep_own(self, record: RequestRecord, facts: Facts, error: BaseException | None) -> None:
        """Export the trace of a job that is over."""
        record.is_traced = False
        with _harmless(record):
            own = start_own(self._finished.tracer, record, facts)
            ended_at = record.wall_clock(record.ended_at)
            if error is not None:
                record_exception(own, error, ended_at)
            promote(self._finished, record)
            own.end(ended_at)


@contextmanager
def _harmless(record: RequestRecord) -> Iterator[None]:
    """Whatever is wrong with telemetry, the request is fine."""
    try:
        yield
    except Exception:
        log.exception("telemetry_trace_failed", trace_id=record.trace_id)


def _enter(record: RequestRecord, make: Callable[[RequestRecord], Context]) -> Token[Context]:
    """Make a context for the request the current one, or leave it at the present one if that fails."""
    inside = get_current()
    with _harmless(record):
        inside = make(record)
    return attach(inside)


def _slow_after(settings: TelemetrySettings) -> float:
    if settings.slow_threshold is not None:
        return settings.slow_threshold
    return max(settings.latency_thresholds, default=DEFAULT_SLOW_THRESHOLD)


def adopt_span(record: RequestRecord) -> None:
    """Take the span that somebody else opened for the request as the request's own."""
    span = get_current_span()
    theirs = span.get_span_context()
    if theirs.is_valid:
        record.adopt(theirs.trace_id, theirs.span_id, is_sampled=theirs.trace_flags.sampled)
        record.server_span = span
