"""Ours, every trace of it to a collector."""

from fastapi import FastAPI

from observability.logs.configuration import configure
from observability.settings import TelemetrySettings
from observability.setup import instrument
from tests.benchmarks.contender import Application


def create(application: Application, *, endpoint: str) -> FastAPI:
    configure()
    app = application(telemetry={"tracing": False, "metrics": False, "logs": False})
    settings = TelemetrySettings(trace_sample_ratio=1, otlp_endpoint=endpoint)
    instrument(app, service_name="benchmark", settings=settings)
    return app
