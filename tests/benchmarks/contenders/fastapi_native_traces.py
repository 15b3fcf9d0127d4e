"""FastAPI's own request spans, without those of its operations."""

from fastapi import FastAPI

from tests.benchmarks.contender import Application
from tests.benchmarks.contenders.tracer_provider import sampling


def create(application: Application, *, ratio: float) -> FastAPI:
    return application(
        telemetry={
            "tracer_provider": sampling(ratio),
            "operation_spans": False,
            "metrics": False,
            "logs": False,
        }
    )
