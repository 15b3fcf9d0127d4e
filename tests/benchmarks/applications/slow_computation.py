"""A cached endpoint that takes its time, and tells how often it had to."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from observability.clients.caches import CacheRecorder
from observability.metrics.cache import CacheFamilies
from observability.metrics.registry import Registry
from service.infra import redis as redis_client
from service.infra.cache.lifecycle import Caching
from service.infra.cache.route import CachedRoute, cached
from service.infra.database import Database
from service.settings import Settings
from tests.benchmarks.applications.service import SECRET

SECONDS = 1.0


def make(database_url: str, redis_url: str, computed: Counter[str]) -> FastAPI:
    settings = Settings(
        database_url=database_url, redis_url=redis_url, token_secret=SECRET, cache_local_seconds=0
    )
    database, redis = Database(settings), redis_client.connect(settings)
    recorder = CacheRecorder("slow", CacheFamilies(Registry()).cache("slow"))
    caching = Caching(
        settings, database, redis, recorder=lambda _: recorder, trusts=lambda _: False, names=["slow"]
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with caching.running():
            yield
        await database.close()
        await redis.aclose()

    app = FastAPI(lifespan=lifespan, telemetry={"tracing": False, "metrics": False, "logs": False})
    app.state.cache = caching.responses
    router = APIRouter(route_class=CachedRoute)

    @router.get("/slow/{key}")
    @cached(name="slow", expire=60)
    async def compute(key: str) -> str:
        computed[key] += 1
        await asyncio.sleep(SECONDS)
        return key

    app.include_router(router)
    return app
