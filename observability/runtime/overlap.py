"""Other sources of the signals that this package gives: requests counted by two are counted twice."""

import sys
from collections.abc import Collection, Iterator

import structlog
from starlette.applications import Starlette
from starlette.types import ASGIApp

from observability.tracing.environment import is_disabled
from observability.tracing.providers import global_provider

NATIVE = "fastapi_native"
CONTRIB = "opentelemetry_contrib"
PROMETHEUS_READER = "prometheus_metric_reader"

_ADVICE = {
    NATIVE: 'FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False}) switches off FastAPI\'s own',
    CONTRIB: "FastAPIInstrumentor.uninstrument_app(app) takes OpenTelemetry's instrumentation out",
    PROMETHEUS_READER: "without PrometheusMetricReader, OpenTelemetry's metrics are not exposed beside these",
}

log = structlog.get_logger(__name__)


def report_sources(app: Starlette, *, own: Collection[str] = ()) -> None:
    """Say in one line of the log where the application's server signals come from.

    Args:
        app: An application whose middleware stack is built.
        own: Sources that are used on purpose.
    """
    others = [source for source in active_sources(app) if source not in own]
    if others:
        advice = "; ".join(_ADVICE[source] for source in others)
        log.warning("telemetry_overlap", source="observability", also_active=others, advice=advice)
    else:
        log.info("telemetry_source", source="observability")


def report_late_provider() -> None:
    """Say that the application has a global provider by now, which it had not when it was instrumented."""
    if global_provider() is not None and not is_disabled():
        log.warning(
            "telemetry_provider_ignored",
            advice="call instrument() after trace.set_tracer_provider(), or pass it tracer_provider=...",
        )


def active_sources(app: Starlette) -> list[str]:
    """The other sources that measure requests of this application or of one mounted in it."""
    applications = list(_applications(app))
    found = {
        NATIVE: any(map(_has_native, applications)),
        CONTRIB: any(map(_has_contrib, applications)),
        PROMETHEUS_READER: _has_prometheus_reader(),
    }
    return [source for source, is_active in found.items() if is_active]


def owner_of_server_spans(app: Starlette) -> str | None:
    """The other source that makes the spans of this application's requests, if there is one."""
    if _has_contrib(app):
        return CONTRIB
    config = getattr(getattr(app, "_native_telemetry", None), "config", {})
    traces = config.get("tracing") and (config["tracer_provider"] or global_provider())
    return NATIVE if traces else None


def _applications(app: Starlette) -> Iterator[Starlette]:
    yield app
    for route in app.routes:
        mounted = getattr(route, "app", None)
        if isinstance(mounted, Starlette):
            yield from _applications(mounted)


def _has_native(app: Starlette) -> bool:
    """FastAPI (since 0.142) measures by itself as soon as there is a provider to give signals to."""
    native = getattr(app, "_native_telemetry", None)
    return native is not None and bool(native.enabled())


def _has_contrib(app: Starlette) -> bool:
    added = [middleware.cls for middleware in app.user_middleware]
    return any(map(_is_contrib, [*map(type, _layers(app.middleware_stack)), *added]))


def _layers(stack: ASGIApp | None) -> Iterator[ASGIApp]:
    while stack is not None:
        yield stack
        stack = getattr(stack, "app", None)


def _is_contrib(layer: object) -> bool:
    return getattr(layer, "__module__", "").startswith("opentelemetry.instrumentation.")


def _has_prometheus_reader() -> bool:
    """Whether OpenTelemetry's metrics are exposed in this process too. Never loads its SDK to find out."""
    provider = getattr(sys.modules.get("opentelemetry.sdk.metrics"), "MeterProvider", None)
    readers = tuple(getattr(provider, "_all_metric_readers", ()))
    return any(type(reader).__module__.startswith("opentelemetry.exporter.prometheus") for reader in readers)
