"""What caches in one process, made together and running together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager

import structlog
from fastapi_cache import FastAPICache
from redis.asyncio import Redis
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request

from observability.clients.caches import CacheRecorder
from service.errors import Unavailable
from service.infra.cache.backend import TaggedBackend
from service.infra.cache.breaker import RedisBreaker
from service.infra.cache.cache import ResponseCache
from service.infra.cache.invalidations import Invalidations
from service.infra.cache.keys import response_key
from service.infra.cache.listener import listen
from service.infra.cache.local import LocalLayer
from service.infra.cache.shared import SharedLayer
from service.infra.database import Database
from service.infra.tasks import Tasks
from service.settings import Settings

log = structlog.get_logger(__name__)

PREFIX = "glasshouse:cache"


class Caching:
    """The cache of responses, and the invalidations that keep it right."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        redis: Redis,
        *,
        recorder: Callable[[str], CacheRecorder],
        trusts: Callable[[Request], bool],
        names: Iterable[str],
    ) -> None:
        """`names` of the caches, so that their metrics exist from the start; see `ResponseCache` for the others."""
        self._redis = redis
        self._tasks = Tasks()
        self._budget = settings.redis_timeout
        self._backend = TaggedBackend(redis, prefix=PREFIX)
        self._local = LocalLayer(
            seconds=settings.cache_local_seconds, max_bytes=settings.cache_local_megabytes * 1024 * 1024
        )
        breaker = RedisBreaker(self._recover, self._tasks, budget=self._budget)
        self.responses = ResponseCache(
            SharedLayer(self._backend, breaker), self._local, self._tasks, recorder=recorder, trusts=trusts
        )
        self.invalidations = Invalidations(database, self.responses.invalidate, self._tasks)
        for name in names:
            self.responses.recorder(name)
        breaker.watch(self.responses.show_breaker)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hear of other processes' invalidations, deliver leftovers, and serve users of fastapi-cache2's own decorator."""
        self._tasks.start(self.invalidations.keep_draining())
        if self._local.seconds:
            # Listen before the first request, not behind it: what is cancelled while it connects may lose that.
            tried = asyncio.Event()
            self._tasks.start(self._listening(tried))
            await tried.wait()
        FastAPICache.init(self._backend, prefix=PREFIX, key_builder=response_key)
        try:
            yield
        finally:
            if FastAPICache.get_backend() is self._backend:
                FastAPICache.reset()
            await self._tasks.close()

    async def _listening(self, tried: asyncio.Event) -> None:
        await listen(
            self._redis,
            self._backend.channel,
            invalidate=self._local.invalidate,
            clear=self._local.clear,
            tried=tried,
        )

    async def _recover(self) -> None:
        """Redis answers, and has heard of all that was changed while it was away: only then may it be used again."""
        async with asyncio.timeout(self._budget):
            await self._backend.ping()
        try:
            await self.invalidations.drain(self._deliver_again)
        except (Unavailable, DBAPIError) as error:
            # Without PostgreSQL nothing more is changed: the answers in Redis are all there is.
            log.warning("cache_used_without_leftovers", reason=str(error))

    async def _deliver_again(self, tags: Collection[str]) -> bool:
        async with asyncio.timeout(self._budget):
            await self._backend.invalidate(tags)
        self._local.invalidate(tags)
        return True
