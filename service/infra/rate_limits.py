"""Rate limits counted in Redis, over a sliding window; without Redis nobody is limited."""

import math
from datetime import UTC, datetime
from typing import Any, cast

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.errors import TooManyRequests

log = structlog.get_logger(__name__)


def redis_storage(redis: Redis) -> RedisStorage:
    """Where limits count, over the connections of this client."""
    options: dict[str, Any] = {"connection_pool": redis.connection_pool}
    return RedisStorage("async+redis://", implementation="redispy", key_prefix="rate", **options)


def client_of(storage: RedisStorage) -> Redis:
    """The client that a storage made for itself."""
    client: Redis = cast("RedispyBridge", storage.bridge).storage
    return client


class RateLimit:
    """So many requests in so much time for each subject, for example "10/minute"."""

    def __init__(self, name: str, rate: str, storage: RedisStorage) -> None:
        self._name = name
        self._rate: RateLimitItem = parse(rate)
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    async def spend(self, subject: str) -> None:
        """Count one request of the subject.

        Raises:
            TooManyRequests: The subject has had its share; says when there is more.
        """
        try:
            if await self._limiter.hit(self._rate, self._name, subject):
                return
            window = await self._limiter.get_window_stats(self._rate, self._name, subject)
        except (RedisError, OSError) as error:
            log.warning("rate_limit_skipped", limit=self._name, reason=repr(error))
            return
        wait = math.ceil(window.reset_time - datetime.now(UTC).timestamp())
        msg = f"No more than {self._rate}; try again in {max(wait, 1)} s"
        raise TooManyRequests(msg, retry_after=wait)
