"""Nothing: what the others add to."""

from fastapi import FastAPI

from tests.benchmarks.contender import Application


def create(application: Application) -> FastAPI:
    return application(telemetry={"tracing": False, "metrics": False, "logs": False})
