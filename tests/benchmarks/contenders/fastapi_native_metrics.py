"""FastAPI's own metrics, read by the Prometheus exporter of OpenTelemetry."""

from fastapi import FastAPI
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider

from tests.benchmarks.contender import Application


def create(application: Application) -> FastAPI:
    provider = MeterProvider([PrometheusMetricReader()])
    return application(telemetry={"meter_provider": provider, "tracing": False, "logs": False})
