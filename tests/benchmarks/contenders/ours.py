"""The one call: metrics, headers, and traces of some requests from their start and of any that fail or are slow."""

from fastapi import FastAPI

from observability.logs.configuration import configure
from observability.settings import TelemetrySettings
from observability.setup import instrument
from tests.benchmarks.contender import Application
from tests.benchmarks.contenders.tracer_provider import sampling


def create(application: Application, *, ratio: float = 0.01) -> FastAPI:
    configure()  # as in production: what is only informative is not said
    app = application(telemetry={"tracing": False, "metrics": False, "logs": False})
    instrument(
        app,
        service_name="benchmark",
        engine=getattr(app.state, "engine", None),
        redis=getattr(app.state, "redis", None),
        settings=TelemetrySettings(trace_sample_ratio=ratio),
        tracer_provider=sampling(ratio),
    )
    return app
