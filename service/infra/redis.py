from collections.abc import Iterable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost

from service.settings import Settings


def connect(settings: Settings) -> Redis:
    """A client that fails within `redis_timeout` and never retries: Redis gone must be fast to notice.

    Whatever fails is a RedisError or an OSError.
    """
    client = Redis.from_url(
        settings.redis_url,
        socket_timeout=settings.redis_timeout,
        socket_connect_timeout=settings.redis_timeout,
        retry=Retry(NoBackoff(), 0),
    )
    pool = client.connection_pool
    pool.connection_class = _KINDS[pool.connection_class]
    return client


class _LossInWords(AbstractConnection):
    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: Any = True,  # noqa: FBT002 (as in redis-py)
    ) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:
            # What uvloop says of a connection that was reset meanwhile; redis-py (8.1) expects an OSError.
            raise ConnectionLost(str(error)) from error


class _TcpConnection(_LossInWords, Connection):
    pass


class _TlsConnection(_LossInWords, SSLConnection):
    pass


class _UnixConnection(_LossInWords, UnixDomainSocketConnection):
    pass


_KINDS: dict[type[AbstractConnection], type[AbstractConnection]] = {
    Connection: _TcpConnection,
    SSLConnection: _TlsConnection,
    UnixDomainSocketConnection: _UnixConnection,
}
