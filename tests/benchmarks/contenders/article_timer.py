"""The middleware of the article: a BaseHTTPMiddleware that adds `X-Process-Time`."""

import time

from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from tests.benchmarks.contender import Application


def create(application: Application) -> FastAPI:
    app = application()

    @app.middleware("http")
    async def add_process_time(request: Request, call_next: RequestResponseEndpoint) -> Response:
        started_at = time.perf_counter()
        response = await call_next(request)
        response.headers["X-Process-Time"] = str(time.perf_counter() - started_at)
        return response

    return app
