"""Leaves a server that fails alone, until it answers again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.exceptions import RedisError

from service.infra.cache.tasks import Tasks

log = structlog.get_logger(__name__)

T = TypeVar("T")

PROBE_SECONDS = 0.25
FAULTS = (RedisError, OSError, TimeoutError)


class Away(Exception):
    """The server cannot be used; `is_news` says whether this call found that out."""

    def __init__(self, *, is_news: bool) -> None:
        super().__init__("failed" if is_news else "left alone")
        self.is_news = is_news


class Breaker:
    """The first call that fails opens it; from then on calls cost nothing, until `recover` succeeds."""

    def __init__(self, recover: Callable[[], Awaitable[None]], tasks: Tasks, *, budget: float) -> None:
        """Every call has `budget` seconds. `recover` is tried again and again while open; it raises if that fails."""
        self._recover = recover
        self._tasks = tasks
        self._budget = budget
        self._watchers: list[Callable[[bool], None]] = []
        self.is_open = False

    def watch(self, watcher: Callable[[bool], None]) -> None:
        """Tell `watcher` whether it is open whenever that changes."""
        self._watchers.append(watcher)

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
            self._open(error)
            raise Away(is_news=True) from error

    def _open(self, error: Exception) -> None:
        if self.is_open:
            return
        log.warning("cache_server_left_alone", reason=repr(error))
        self._change(is_open=True)
        self._tasks.start(self._recovering())

    async def _recovering(self) -> None:
        while self.is_open:
            # At once for the first time: it may have been this process that was too slow.
            try:
                await self._recover()
            except FAULTS:
                await asyncio.sleep(PROBE_SECONDS)
                continue
            log.info("cache_server_used_again")
            self._change(is_open=False)

    def _change(self, *, is_open: bool) -> None:
        self.is_open = is_open
        for watcher in self._watchers:
            watcher(is_open)
