"""OpenTelemetry's instrumentations of FastAPI, asyncpg and redis: traces, without a span for each ASGI message."""

from fastapi import FastAPI
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.metrics import NoOpMeterProvider

from tests.benchmarks.contender import Application
from tests.benchmarks.contenders.tracer_provider import sampling


def create(application: Application, *, ratio: float) -> FastAPI:
    app = application(telemetry={"tracing": False, "metrics": False, "logs": False})
    instrument(app, ratio)
    return app


def instrument(app: FastAPI, ratio: float) -> None:
    traces = sampling(ratio)
    AsyncPGInstrumentor().instrument(tracer_provider=traces)
    RedisInstrumentor().instrument(tracer_provider=traces)
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=traces, meter_provider=NoOpMeterProvider(), exclude_spans=["receive", "send"]
    )
