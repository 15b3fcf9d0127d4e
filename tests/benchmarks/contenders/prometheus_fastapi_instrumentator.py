"""As its README says."""

from fastapi import FastAPI
from prometheus_fastapi_instrumentator import Instrumentator

from tests.benchmarks.contender import Application


def create(application: Application) -> FastAPI:
    app = application()
    Instrumentator().instrument(app).expose(app)
    return app
