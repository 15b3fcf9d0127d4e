"""FastAPI's own request spans, and OpenTelemetry's instrumentations of asyncpg and redis."""

from fastapi import FastAPI
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor

from tests.benchmarks.contender import Application
from tests.benchmarks.contenders.tracer_provider import sampling


def create(application: Application, *, ratio: float) -> FastAPI:
    traces = sampling(ratio)
    AsyncPGInstrumentor().instrument(tracer_provider=traces)
    RedisInstrumentor().instrument(tracer_provider=traces)
    return application(
        telemetry={"tracer_provider": traces, "operation_spans": False, "metrics": False, "logs": False}
    )
