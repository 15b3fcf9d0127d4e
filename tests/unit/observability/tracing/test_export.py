"""What becomes of finished spans, and what the environment says about them."""

from collections.abc import Iterator, Sequence
from threading import Event

import pytest
import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from observability.context import RequestRecord, enter, leave
from observability.metrics.registry import Registry
from observability.metrics.spans import SpanMetrics
from observability.settings import TelemetrySettings
from observability.testing import recorded
from observability.tracing.environment import is_disabled, is_wanted, sampling_rule
from observability.tracing.export import Batches, CountingExporter, SpanCounts, otlp_exporter, resource
from observability.tracing.providers import new_provider
from observability.tracing.sampling import NEVER, SamplingRule
from observability.tracing.tracing import tracing_for

ENDPOINT = "http://127.0.0.1:9/v1/traces"


class Exporter(SpanExporter):
    """Exports when it may, with the result that it is told."""

    def __init__(self) -> None:
        self.result = SpanExportResult.SUCCESS
        self.error: Exception | None = None
        self.may_go_on = Event()
        self.may_go_on.set()
        self.is_shut_down = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        self.may_go_on.wait(30)
        if self.error is not None:
            raise self.error
        return self.result

    def shutdown(self) -> None:
        self.is_shut_down = True


@pytest.fixture
def exporter() -> Exporter:
    return Exporter()


@pytest.fixture
def batches(exporter: Exporter, registry: Registry) -> Iterator[Batches]:
    batches = Batches(exporter, SpanCounts(SpanMetrics(registry)))
    yield batches
    exporter.may_go_on.set()
    batches.shutdown()
    assert exporter.is_shut_down


@pytest.fixture
def provider(batches: Batches) -> TracerProvider:
    provider = new_provider(1.0, resource("shop", "1.2"), batches)
    provider._atexit_handler = None
    return provider


def end_spans(provider: TracerProvider, count: int) -> None:
    tracer = provider.get_tracer("tests")
    for _ in range(count):
        tracer.start_span("call").end()


def counted(registry: Registry) -> dict[str, float | None]:
    outcomes = ("exported", "failed", "dropped")
    return {outcome: recorded(registry, "telemetry_spans_total", outcome=outcome) for outcome in outcomes}


def test_what_the_collector_took_is_counted(
    provider: TracerProvider, batches: Batches, registry: Registry
) -> None:
    batches.flush()
    end_spans(provider, 3)
    batches.flush()
    assert counted(registry) == {"exported": 3, "failed": 0, "dropped": 0}


def test_what_it_did_not_take_is_counted_and_said_once_a_minute(
    provider: TracerProvider,
    batches: Batches,
    exporter: Exporter,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000.0
    monkeypatch.setattr("observability.tracing.export.monotonic", lambda: now)
    exporter.result = SpanExportResult.FAILURE
    with structlog.testing.capture_logs() as events:
        for _ in range(3):
            end_spans(provider, 2)
            batches.flush()
        now = 1_061.0
        end_spans(provider, 1)
        batches.flush()
    assert counted(registry) == {"exported": 0, "failed": 7, "dropped": 0}
    assert [event.get("failed") for event in events] == [2, 5]


def test_an_exporter_that_raises_has_failed(
    provider: TracerProvider, batches: Batches, exporter: Exporter, registry: Registry
) -> None:
    exporter.error = RuntimeError("cannot encode")
    end_spans(provider, 1)
    batches.flush()
    assert counted(registry)["failed"] == 1


def test_spans_that_find_no_room_are_counted(
    exporter: Exporter, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
    exporter.may_go_on.clear()
    batches = Batches(exporter, SpanCounts(SpanMetrics(registry)))
    provider = new_provider(1.0, resource("shop", ""), batches)
    end_spans(provider, 20)
    exporter.may_go_on.set()
    batches.flush()
    batches.shutdown()
    end_spans(provider, 1)
    found = counted(registry)
    assert found["dropped"]
    # One may be counted although its place became free in that very moment.
    assert (found["exported"] or 0) + found["dropped"] >= 21


def test_what_is_left_over_at_the_end_is_counted_and_said(
    exporter: Exporter, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
    monkeypatch.setattr("observability.tracing.export.FLUSH_SECONDS", 0.01)
    exporter.may_go_on.clear()
    batches = Batches(exporter, SpanCounts(SpanMetrics(registry)))
    provider = new_provider(1.0, resource("shop", ""), batches)
    provider._atexit_handler = None
    with structlog.testing.capture_logs() as events:
        end_spans(provider, 5)
        batches.shutdown()
        exporter.may_go_on.set()
    # One was on its way, if its thread had come so far.
    found = counted(registry)
    assert found["failed"] in {0, 1}
    assert (found["failed"] or 0) + (found["dropped"] or 0) == 5
    assert {event["event"] for event in events} == {"telemetry_spans_lost"}


def test_what_is_on_its_way_at_the_end_is_counted_once(
    exporter: Exporter, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("observability.tracing.export.FLUSH_SECONDS", 0.01)
    exporter.may_go_on.clear()
    batches = Batches(exporter, SpanCounts(SpanMetrics(registry)))
    provider = new_provider(1.0, resource("shop", ""), batches)
    provider._atexit_handler = None
    end_spans(provider, 3)
    with structlog.testing.capture_logs() as events:
        batches.flush()
        batches.shutdown()
    assert counted(registry) == {"exported": 0, "failed": 3, "dropped": 0}
    assert [event.get("failed") for event in events] == [None, 3]
    exporter.may_go_on.set()
    assert batches._flushing is not None
    batches._flushing.join()
    assert counted(registry) == {"exported": 0, "failed": 3, "dropped": 0}


def test_a_flush_gives_up_on_a_collector_that_does_not_answer(
    provider: TracerProvider, batches: Batches, exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("observability.tracing.export.FLUSH_SECONDS", 0.01)
    exporter.may_go_on.clear()
    end_spans(provider, 1)
    with structlog.testing.capture_logs() as events:
        batches.flush()
    assert [event["event"] for event in events] == ["telemetry_flush_given_up"]


def test_the_end_of_a_process_waits_for_such_a_collector_once(
    provider: TracerProvider, batches: Batches, exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("observability.tracing.export.FLUSH_SECONDS", 0.01)
    exporter.may_go_on.clear()
    waits = list[float]()
    monkeypatch.setattr(batches._batch_processor._worker_thread, "join", waits.append)
    with structlog.testing.capture_logs() as events:
        for _ in range(2):
            end_spans(provider, 1)
            batches.flush()
        batches.shutdown()
    assert [event["event"] for event in events if event["event"].startswith("telemetry_flush")] == [
        "telemetry_flush_given_up"
    ]
    assert waits == [0.0]


@pytest.mark.parametrize(("is_sampled", "is_recorded"), [(True, True), (False, False), (None, True)])
def test_spans_that_the_application_opens_follow_the_request_they_are_in(
    is_sampled: bool | None,  # noqa: FBT001  a case
    is_recorded: bool,  # noqa: FBT001  a case
    provider: TracerProvider,
) -> None:
    record = RequestRecord(7, "", is_sampled=bool(is_sampled))
    token = enter(record) if is_sampled is not None else None
    made = provider.get_tracer("theirs").start_span("own")
    if token:
        leave(token)
    assert made.is_recording() == is_recorded


def test_the_sampler_says_what_it_is(provider: TracerProvider) -> None:
    assert "InsideOfRequests{TraceIdRatioBased{1.0}}" in provider.sampler.get_description()


def test_a_process_says_what_it_is_unless_the_environment_does(monkeypatch: pytest.MonkeyPatch) -> None:
    own = resource("shop", "1.2").attributes
    assert (own["service.name"], own["service.version"], bool(own["service.instance.id"])) == (
        "shop",
        "1.2",
        True,
    )
    monkeypatch.setenv("OTEL_SERVICE_NAME", "other")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    said = resource("shop", "").attributes
    assert (said["service.name"], said["deployment.environment.name"]) == ("other", "test")
    assert "service.version" not in said


@pytest.mark.parametrize(
    ("environment", "is_so"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "console, OTLP"}, True),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
        ({"OTEL_SDK_DISABLED": "TRUE", "OTEL_TRACES_EXPORTER": "otlp"}, False),
    ],
)
def test_the_environment_says_whether_spans_have_anywhere_to_go(
    environment: dict[str, str],
    is_so: bool,  # noqa: FBT001  a case
) -> None:
    assert is_wanted(TelemetrySettings(), environment) == is_so


@pytest.mark.parametrize(
    ("exporters", "unknown"), [("otlp,console, zipkin", ["console", "zipkin"]), ("none", None)]
)
def test_exporters_that_are_not_there_are_said_once(exporters: str, unknown: list[str] | None) -> None:
    with structlog.testing.capture_logs() as events:
        is_wanted(TelemetrySettings(), {"OTEL_TRACES_EXPORTER": exporters})
    assert [event["exporters"] for event in events] == ([unknown] if unknown else [])


def test_so_do_the_settings() -> None:
    assert is_wanted(TelemetrySettings(otlp_endpoint=ENDPOINT), {})
    assert not is_disabled({})


@pytest.mark.parametrize(
    ("sampler", "argument", "rule"),
    [
        ("", "", SamplingRule(0.01)),
        ("always_on", "", SamplingRule(1.0, follows_parent=False)),
        ("always_off", "", NEVER),
        ("parentbased_always_on", "", SamplingRule(1.0)),
        ("parentbased_always_off", "", SamplingRule(0.0)),
        ("traceidratio", "0.25", SamplingRule(0.25, follows_parent=False)),
        ("parentbased_traceidratio", "7", SamplingRule(1.0)),
        ("parentbased_traceidratio", "x", SamplingRule(1.0)),
        ("jaeger_remote", "", SamplingRule(0.01, follows_parent=False)),
    ],
)
def test_the_environment_chooses_the_sampler(sampler: str, argument: str, rule: SamplingRule) -> None:
    environment = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}
    assert sampling_rule(TelemetrySettings(), environment) == rule


def test_the_settings_choose_first() -> None:
    settings = TelemetrySettings(trace_sample_ratio=0.5, trace_sample_ratios={"/health": 0})
    rule = sampling_rule(settings, {"OTEL_TRACES_SAMPLER": "always_off"})
    assert rule == SamplingRule(0.5, follows_parent=False, routes={"/health": 0})


def test_without_anywhere_to_go_nothing_is_traced(registry: Registry) -> None:
    tracing = tracing_for("shop", TelemetrySettings(trace_sample_ratio=1), None, SpanMetrics(registry))
    assert (tracing.is_on, tracing.provider) == (False, None)
    tracing.flush()


def test_a_switched_off_sdk_traces_nothing(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    theirs = TracerProvider(shutdown_on_exit=False)
    assert not tracing_for("shop", TelemetrySettings(), theirs, SpanMetrics(registry)).is_on


def test_an_endpoint_is_enough_to_trace(registry: Registry) -> None:
    tracing = tracing_for("shop", TelemetrySettings(otlp_endpoint=ENDPOINT), None, SpanMetrics(registry))
    assert tracing.is_on
    assert tracing.provider is not None
    tracing.provider.shutdown()


def test_the_exporter_speaks_otlp(registry: Registry) -> None:
    exporter: SpanExporter = otlp_exporter(ENDPOINT)
    assert isinstance(exporter, OTLPSpanExporter)
    CountingExporter(exporter, SpanCounts(SpanMetrics(registry))).shutdown()
