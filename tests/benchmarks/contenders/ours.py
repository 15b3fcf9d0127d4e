"""The one call, with its defaults."""

from fastapi import FastAPI

from observability.setup import instrument
from tests.benchmarks.contender import Application


def create(application: Application) -> FastAPI:
    app = application(telemetry={"tracing": False, "metrics": False, "logs": False})
    instrument(
        app,
        service_name="benchmark",
        engine=getattr(app.state, "engine", None),
        redis=getattr(app.state, "redis", None),
    )
    return app
