"""How late the loop wakes."""

import asyncio
import threading
from contextvars import ContextVar
from time import perf_counter

from observability.runtime.heartbeat import Block, Heartbeat

color = ContextVar("color", default="none")


async def test_it_beats_again_and_again() -> None:
    beats: asyncio.Queue[float] = asyncio.Queue()
    heartbeat = Heartbeat(asyncio.get_running_loop(), 0.001, beats.put_nowait)
    heartbeat.start()
    assert heartbeat.thread_id == threading.get_ident()
    assert all([await beats.get() >= 0 for _ in range(3)])
    heartbeat.stop()


async def test_it_says_how_late_the_loop_woke() -> None:
    beats: asyncio.Queue[float] = asyncio.Queue()
    heartbeat = Heartbeat(asyncio.get_running_loop(), 0.001, beats.put_nowait)
    heartbeat.start()
    while perf_counter() < heartbeat.due + 0.03:
        pass
    assert await beats.get() >= 0.03
    heartbeat.stop()


async def test_it_stops() -> None:
    beats: asyncio.Queue[float] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    heartbeat = Heartbeat(loop, 0.0, beats.put_nowait)
    heartbeat.stop()
    heartbeat.start()
    await beats.get()
    heartbeat.stop()
    later = asyncio.Event()
    loop.call_later(0.001, later.set)
    await later.wait()
    assert beats.empty()


async def test_it_ends_a_block_once() -> None:
    over = asyncio.Event()
    beats: asyncio.Queue[float] = asyncio.Queue()
    heartbeat = Heartbeat(asyncio.get_running_loop(), 0.001, beats.put_nowait)
    block = heartbeat.block = Block(perf_counter(), over.set)
    heartbeat.start()
    await over.wait()
    ended_at = block.ended_at
    assert ended_at > block.started_at
    await beats.get()
    await beats.get()
    assert block.ended_at == ended_at
    heartbeat.stop()


async def test_it_does_not_live_in_the_request_that_started_it() -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()
    color.set("of a request")
    heartbeat = Heartbeat(asyncio.get_running_loop(), 0.0, lambda _: seen.put_nowait(color.get()))
    heartbeat.start()
    assert await seen.get() == "none"
    heartbeat.stop()
