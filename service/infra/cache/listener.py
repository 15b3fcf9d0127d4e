"""Hears what other processes invalidate."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from redis.asyncio import Redis

from service.infra.cache.breaker import FAULTS

RECONNECT_SECONDS = 0.25
PATIENCE_SECONDS = 5.0


async def listen(
    redis: Redis,
    channel: str,
    *,
    invalidate: Callable[[Iterable[str]], None],
    clear: Callable[[], None],
    tried: asyncio.Event,
) -> None:
    """Pass on invalidations for ever; `clear` when some may have been missed, `tried` after the first attempt."""
    while True:
        try:
            async with redis.pubsub() as subscriber:
                await subscriber.subscribe(channel)
                tried.set()
                await _pass_on(subscriber, invalidate, clear)
        except FAULTS:
            tried.set()
            await asyncio.sleep(RECONNECT_SECONDS)


async def _pass_on(
    subscriber: Any, invalidate: Callable[[Iterable[str]], None], clear: Callable[[], None]
) -> None:
    while True:
        message = await subscriber.get_message(timeout=PATIENCE_SECONDS)
        if message is None:
            message = await _proof_of_life(subscriber)
        if message["type"] == "subscribe":
            clear()
        elif message["type"] == "message":
            invalidate(message["data"].decode().split("\n"))


async def _proof_of_life(subscriber: Any) -> Any:
    """What comes when we ask: nobody tells us that a connection is half-open.

    Raises:
        TimeoutError: Nothing.
    """
    await subscriber.ping()
    message = await subscriber.get_message(timeout=PATIENCE_SECONDS)
    if message is None:
        raise TimeoutError
    return message
