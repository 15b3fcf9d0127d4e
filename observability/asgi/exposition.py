"""The endpoint that answers scrapes."""

from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from observability.metrics.instruments import Registry


def exposition(registry: Registry) -> ASGIApp:
    """An ASGI application that answers every request with what the registry holds."""

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        body = await run_in_threadpool(generate_latest, registry.foreign)
        await Response(body, media_type=CONTENT_TYPE_LATEST)(scope, receive, send)

    return endpoint
