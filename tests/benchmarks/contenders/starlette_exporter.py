"""As its README says."""

from fastapi import FastAPI
from starlette_exporter import PrometheusMiddleware, handle_metrics

from tests.benchmarks.contender import Application


def create(application: Application) -> FastAPI:
    app = application()
    app.add_middleware(PrometheusMiddleware)
    app.add_route("/metrics", handle_metrics)
    return app
