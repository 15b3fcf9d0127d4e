"""Metrics and traces as many applications have them: two packages."""

from fastapi import FastAPI

from tests.benchmarks.contender import Application
from tests.benchmarks.contenders import opentelemetry_contrib, prometheus_fastapi_instrumentator


def create(application: Application, *, ratio: float) -> FastAPI:
    app = prometheus_fastapi_instrumentator.create(application)
    opentelemetry_contrib.instrument(app, ratio)
    return app
