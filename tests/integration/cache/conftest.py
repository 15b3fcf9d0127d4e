import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from redis.asyncio import Redis

from observability.clients.caches import CacheRecorder
from observability.metrics.cache import CacheFamilies
from observability.metrics.registry import Registry
from observability.testing import recorded
from service.infra import redis as redis_client
from service.infra.cache.lifecycle import PREFIX, Caching
from service.infra.cache.route import CachedRoute
from service.infra.database import Database
from service.problems import install
from service.settings import Settings
from tests.integration.conftest import Api, client_of, serving

# Without the in-process layer, what one process knows it has from Valkey; and a busy machine is no fault.
PATIENT = {"cache_local_seconds": 0.0, "redis_timeout": 5.0}


@dataclass
class Process:
    """A process with a cache: what it serves is up to the test."""

    router: APIRouter
    app: FastAPI
    caching: Caching
    registry: Registry
    client: httpx2.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.client.get(path, headers={name.replace("_", "-"): v for name, v in headers.items()})

    def count(self, name: str, **labels: str) -> float:
        return recorded(self.registry, f"cache_{name}", **labels) or 0


StartProcess = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start_process(settings: Settings, redis: Redis) -> AsyncIterator[StartProcess]:  # noqa: ARG001
    """Starts processes that share PostgreSQL and Valkey; routes are added to their `router` before the first request."""
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Process:
            chosen = settings.model_copy(update={**PATIENT, **options})
            database, client = Database(chosen), redis_client.connect(chosen)
            stack.push_async_callback(database.close)
            stack.push_async_callback(client.aclose)
            registry = Registry()
            families = CacheFamilies(registry)
            caching = Caching(
                chosen,
                database,
                client,
                recorder=lambda name: CacheRecorder(name, families.cache(name)),
                trusts=lambda request: request.headers.get("x-trusted") == "yes",
                names=["things"],
            )
            await stack.enter_async_context(caching.running())
            app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
            app.state.cache = caching.responses
            install(app)
            http = await stack.enter_async_context(client_of(app))
            return Process(APIRouter(route_class=CachedRoute), app, caching, registry, http)

        yield start


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of the test's own; the database is empty at first."""
    client = Redis.from_url(redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
async def apis(
    settings: Settings,
    redis: Redis,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[Api, Api]]:
    """Two processes of the service, neither of which delivers the other's invalidations once more."""
    monkeypatch.setattr("service.infra.cache.invalidations.DELIVERY_SECONDS", 3600)
    chosen = settings.model_copy(update=PATIENT)
    async with serving(chosen) as one, serving(chosen) as other:
        yield one, other


async def eventually(condition: Callable[[], Awaitable[object]]) -> None:
    """Ask until it is so; a test that hopes in vain fails after twenty seconds."""
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 (other processes set no event here)
            await asyncio.sleep(0.01)


async def grow_old(redis: Redis, seconds: float) -> None:
    """Let every entry be so much older than it is."""
    async for key in redis.scan_iter(f"{PREFIX}:entry:*"):
        assert await redis.pexpire(key, await redis.pttl(key) - int(seconds * 1000))


def x_cache(answer: httpx2.Response) -> str:
    found: str = answer.headers["x-cache"]
    return found
