from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.infra.redis import connect
from service.settings import Settings


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    async with connect(settings) as client:
        yield client


async def test_a_connection_that_was_reset_is_an_error_of_redis_once(redis: Redis) -> None:
    await redis.ping()
    [connection] = redis.connection_pool._available_connections
    # The loop knows it already, the client does not.
    assert connection._writer is not None
    connection._writer.transport.abort()
    with pytest.raises(RedisError):
        await redis.ping()
    assert await redis.ping()
