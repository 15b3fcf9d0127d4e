"""As its README says, with metrics on. It logs a JSON line a request, which goes to /dev/null here."""

from fastapi import FastAPI
from fastapiobserver import install_observability

from tests.benchmarks.contender import Application


def create(application: Application) -> FastAPI:
    app = application()
    install_observability(app, metrics_enabled=True)
    return app
