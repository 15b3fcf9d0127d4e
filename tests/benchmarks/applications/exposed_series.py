"""The small application, with 3,400 series to expose at `/metrics`: ours, or through prometheus_client."""

import prometheus_client
from fastapi import FastAPI

from tests.benchmarks import series
from tests.benchmarks.applications import small_model
from tests.benchmarks.contender import BARE, OURS


def ours() -> FastAPI:
    app = OURS.create(small_model.application)
    series.ours(app.state.telemetry.registry)
    return app


def theirs() -> FastAPI:
    app = BARE.create(small_model.application)
    registry = prometheus_client.CollectorRegistry()
    series.theirs(registry)
    app.mount("/metrics", prometheus_client.make_asgi_app(registry))
    return app
