"""An application for several workers; `uvicorn --factory tests.integration.supervised_shop:make_app` serves it."""

import os

from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider

from observability.settings import TelemetrySettings
from observability.setup import instrument


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/pid")
    async def read_pid() -> int:
        return os.getpid()

    admin_port = int(os.environ["SHOP_ADMIN_PORT"])
    settings = TelemetrySettings(trace_sample_ratio=1, admin_port=admin_port, service_version="1.0")
    instrument(app, service_name="supervised-shop", settings=settings, tracer_provider=TracerProvider())
    return app
