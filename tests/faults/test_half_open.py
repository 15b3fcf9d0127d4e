"""A connection that is dead without anybody saying so is found by those who only listen."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from service.infra.cache import listener as invalidations
from service.infra.database import autocommit_engine
from service.infra.jobs import listener as notifications
from service.infra.jobs.broker import CHANNEL
from service.infra.jobs.depth import QueueDepth
from service.infra.redis import connect
from service.settings import Settings
from tests.faults.proxy import Network, Proxy

DEADLINE = 60.0
_FIELDS = (b"SFATAL", b"VFATAL", b"C57P01", b"Mterminating connection due to administrator command", b"", b"")
# https://www.postgresql.org/docs/18/protocol-message-formats.html
GOODBYE = b"E" + (4 + len(b"\0".join(_FIELDS))).to_bytes(4) + b"\0".join(_FIELDS)
SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invalidations, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(notifications, "ASK_SECONDS", 0.2)


class Heard:
    """Counts what is heard, and wakes who waits for more."""

    def __init__(self) -> None:
        self._count = self._known = 0
        self._changed = asyncio.Event()

    def note(self, *_: object) -> None:
        self._count += 1
        self._changed.set()

    async def more(self) -> None:
        async with asyncio.timeout(DEADLINE):
            while self._count == self._known:
                self._changed.clear()
                await self._changed.wait()
        self._known = self._count


@asynccontextmanager
async def behind_a_proxy(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    port = urlsplit(url).port
    assert port is not None
    async with Proxy(port).listening() as proxy:
        yield proxy, url.replace(f":{port}/", f":{proxy.port}/")


def lose_connections(proxy: Proxy) -> None:
    """Those that exist are dead; new ones are not."""
    proxy.become(Network.HALF_OPEN)
    proxy.become(Network.FINE)


@asynccontextmanager
async def in_the_background(listening: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(listening)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_worker_hears_of_jobs_again(settings: Settings) -> None:
    async with behind_a_proxy(settings.database_url) as (proxy, url):
        engine = autocommit_engine(
            settings.model_copy(update={"database_url": url, "statement_timeout": 1.0}), "queue", 2
        )
        heard = Heard()
        async with in_the_background(notifications.Listener(engine).listen(heard.note)):
            await heard.more()
            lose_connections(proxy)
            await heard.more()
            told = await asyncpg.connect(settings.database_url.replace("+asyncpg", ""))
            await told.execute(f"NOTIFY {CHANNEL}")
            await heard.more()
            await told.close()
        await engine.dispose()


async def test_a_process_hears_of_invalidations_again(settings: Settings) -> None:
    async with behind_a_proxy(settings.redis_url) as (proxy, url):
        cleared, invalidated = Heard(), Heard()
        async with (
            connect(settings.model_copy(update={"redis_url": url})) as listening,
            Redis.from_url(settings.redis_url) as telling,
            in_the_background(
                invalidations.listen(
                    listening,
                    "channel",
                    invalidate=invalidated.note,
                    clear=cleared.note,
                    tried=asyncio.Event(),
                )
            ),
        ):
            await cleared.more()
            lose_connections(proxy)
            await cleared.more()
            await telling.publish("channel", "product:1")
            await invalidated.more()


async def everybody_hears(proxy: Proxy, answer: bytes) -> None:
    """Who connects last hears it last."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(SSL_REQUEST)
    await reader.readexactly(1)
    proxy.say(answer)
    await reader.readexactly(len(answer))
    writer.close()
    await writer.wait_closed()


async def test_after_a_goodbye_no_queue_is_shown(settings: Settings) -> None:
    async with behind_a_proxy(settings.database_url) as (proxy, url):
        engine = autocommit_engine(settings.model_copy(update={"database_url": url}), "queue", 2)
        heard, listener = Heard(), notifications.Listener(engine)
        depth = QueueDepth(listener, ["greet"])
        async with in_the_background(listener.listen(heard.note)):
            await heard.more()
            await depth.read()
            assert list(depth.collect())
            await everybody_hears(proxy, GOODBYE)
            await depth.read()
            assert not list(depth.collect())
            await heard.more()
        await engine.dispose()
