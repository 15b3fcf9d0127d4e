import asyncio
import signal
from collections.abc import Iterator

import pytest

from service.infra.draining import Draining


@pytest.fixture
def asked_to_end() -> Iterator[asyncio.Event]:
    """Set when the server's own handler of SIGTERM is called."""
    asked, before = asyncio.Event(), signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    yield asked
    signal.signal(signal.SIGTERM, before)


async def test_the_server_hears_of_the_end_after_the_time_to_drain(asked_to_end: asyncio.Event) -> None:
    draining = Draining(0.02)
    with draining.on_signal():
        signal.raise_signal(signal.SIGTERM)
        assert draining.has_begun
        assert not asked_to_end.is_set()
        await asked_to_end.wait()


async def test_a_second_signal_ends_the_wait(asked_to_end: asyncio.Event) -> None:
    with Draining(60).on_signal():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert asked_to_end.is_set()


async def test_without_a_time_to_drain_the_server_hears_at_once(asked_to_end: asyncio.Event) -> None:
    draining = Draining(0)
    with draining.on_signal():
        signal.raise_signal(signal.SIGTERM)
        assert asked_to_end.is_set()
    assert not draining.has_begun


async def test_afterwards_the_signal_is_the_servers_again(asked_to_end: asyncio.Event) -> None:
    with Draining(60).on_signal():
        pass
    signal.raise_signal(signal.SIGTERM)
    assert asked_to_end.is_set()
