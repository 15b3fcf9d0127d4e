"""What `OTEL_*` variables say about traces; the SDK reads those about batches, limits, and the collector by itself."""

import os
from collections.abc import Mapping

import structlog

from observability.settings import TelemetrySettings
from observability.tracing.sampling import NEVER, SamplingRule

DEFAULT_RATIO = 0.01
_OTLP, _NONE = "otlp", "none"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

log = structlog.get_logger(__name__)


def is_wanted(settings: TelemetrySettings, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether spans have anywhere to go."""
    if is_disabled(environment):
        return False
    named = environment.get("OTEL_TRACES_EXPORTER", "").lower().split(",")
    exporters = {name.strip() for name in named} - {""}
    if unknown := exporters - {_OTLP, _NONE}:
        log.warning("telemetry_exporters_unknown", exporters=sorted(unknown), known=[_OTLP, _NONE])
    has_endpoint = settings.otlp_endpoint or any(environment.get(name) for name in _ENDPOINTS)
    return _OTLP in exporters or (not exporters and bool(has_endpoint))


def is_disabled(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether OpenTelemetry is switched off altogether."""
    return environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def sampling_rule(settings: TelemetrySettings, environment: Mapping[str, str] = os.environ) -> SamplingRule:
    """How traces are sampled: by the settings, or else by `OTEL_TRACES_SAMPLER` and its argument."""
    routes, ratio = settings.trace_sample_ratios or {}, settings.trace_sample_ratio
    name = environment.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if ratio is None:
        ratio = _ratio(name, environment.get("OTEL_TRACES_SAMPLER_ARG", ""))
    if not ratio and name == "always_off":
        return NEVER
    return SamplingRule(ratio, follows_parent=not name or name.startswith("parentbased_"), routes=routes)


def _ratio(sampler: str, argument: str) -> float:
    kind = sampler.removeprefix("parentbased_")
    if kind == "always_on":
        return 1.0
    if kind == "always_off":
        return 0.0
    if kind != "traceidratio":
        return DEFAULT_RATIO
    try:
        return min(max(float(argument), 0.0), 1.0)
    except ValueError:
        return 1.0  # what OpenTelemetry makes of it
