"""Lives without Redis from the first call that fails."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.exceptions import RedisError

from service.infra.breaker import Breaker
from service.infra.tasks import Tasks

T = TypeVar("T")

FAULTS = (RedisError, OSError, TimeoutError)


class Away(Exception):
    """The server cannot be used; `is_news` says whether this call found that out."""

    def __init__(self, *, is_news: bool) -> None:
        super().__init__("failed" if is_news else "left alone")
        self.is_news = is_news


class RedisBreaker(Breaker):
    """The first call that fails opens it; from then on calls cost nothing."""

    def __init__(self, recover: Callable[[], Awaitable[None]], tasks: Tasks, *, budget: float) -> None:
        """Every call has `budget` seconds."""
        super().__init__("redis", recover, tasks, faults=FAULTS)
        self._budget = budget

    async def call(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Do it, in time.

        Raises:
            Away: It failed or took too long, or did so before.
        """
        if self.is_open:
            raise Away(is_news=False)
        try:
            async with asyncio.timeout(self._budget):
                return await operation()
        except FAULTS as error:
            self.open(error)
            raise Away(is_news=True) from error
