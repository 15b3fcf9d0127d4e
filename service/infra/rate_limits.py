"""Rate limits counted in Redis, over a sliding window; without Redis nobody is limited.

Answers tell what is left in `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers), which can name
several limits of one request, as the older `RateLimit-Limit`, `-Remaining` and `-Reset` cannot.
"""

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any, cast

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.datastructures import MutableHeaders

from observability import context
from observability.conventions import RATE
from service.errors import ServiceError, TooManyRequests

# Whoever has one address of IPv6 usually has all that share so many of its bits.
IPV6_NETWORK_BITS = 64

log = structlog.get_logger(__name__)


def redis_storage(redis: Redis) -> RedisStorage:
    """Where limits count, over the connections of this client."""
    options: dict[str, Any] = {"connection_pool": redis.connection_pool}
    return RedisStorage("async+redis://", implementation="redispy", key_prefix="rate", **options)


def client_of(storage: RedisStorage) -> Redis:
    """The client that a storage made for itself."""
    client: Redis = cast("RedispyBridge", storage.bridge).storage
    return client


def neighbourhood(host: str) -> str:
    """All addresses that whoever has this one is likely to have."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), IPV6_NETWORK_BITS), strict=False))


@dataclass(frozen=True, slots=True)
class Share:
    """What a subject may still do: so many requests, and more in so many seconds."""

    limit: "RateLimit"
    is_spent: bool
    remaining: int
    seconds: int


class RateLimit:
    """So many requests in so much time for each subject, for example "10/minute"."""

    def __init__(self, name: str, rate: str, storage: RedisStorage) -> None:
        self.name = name
        self.rate: RateLimitItem = parse(rate)
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    async def spend(self, subject: str) -> Share:
        """Count one request of the subject, unless it has had its share."""
        is_counted = await self._limiter.hit(self.rate, self.name, subject)
        window = await self._limiter.get_window_stats(self.rate, self.name, subject)
        return Share(
            self,
            is_spent=not is_counted,
            remaining=window.remaining if is_counted else 0,
            seconds=max(math.ceil(window.reset_time - datetime.now(UTC).timestamp()), 1),
        )


@asynccontextmanager
async def spending(headers: MutableHeaders, *subjects: tuple[RateLimit, str]) -> AsyncIterator[None]:
    """Count one request of each subject; the answer of the block says in its headers what is left, errors too.

    Raises:
        TooManyRequests: A subject has had its share, and those behind it are not counted; says when there is more.
    """
    shares = await _shares(subjects)
    left = _in_headers(shares)
    headers.update(left)
    try:
        if shares and shares[-1].is_spent:
            context.mark_limit(RATE)
            raise _refusal(shares[-1])
        yield
    except ServiceError as error:
        error.headers.update(left)
        raise


async def _shares(subjects: Sequence[tuple[RateLimit, str]]) -> list[Share]:
    shares: list[Share] = []
    for limit, subject in subjects:
        try:
            shares.append(await limit.spend(subject))
        except (RedisError, OSError) as error:
            log.warning("rate_limit_skipped", limit=limit.name, reason=repr(error))
            return []
        if shares[-1].is_spent:
            break
    return shares


def _refusal(share: Share) -> TooManyRequests:
    msg = f"No more than {share.limit.rate}; try again in {share.seconds} s"
    return TooManyRequests(msg, retry_after=share.seconds)


def _in_headers(shares: Sequence[Share]) -> dict[str, str]:
    if not shares:
        return {}
    return {
        "RateLimit-Policy": ", ".join(
            f'"{share.limit.name}";q={share.limit.rate.amount};w={share.limit.rate.get_expiry()}'
            for share in shares
        ),
        "RateLimit": ", ".join(
            f'"{share.limit.name}";r={share.remaining};t={share.seconds}' for share in shares
        ),
    }
