"""CPU time of exposing the same series, ours and prometheus_client's, in one process."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from time import process_time

import uvloop
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, generate_latest
from starlette.types import Message

from observability.setup import instrument
from tests.benchmarks import series
from tests.benchmarks.in_process import scope_of
from tests.benchmarks.workers import next_question

Expose = Callable[[], Awaitable[bytes]]
_ACCEPT = (b"accept", b"text/plain;version=0.0.4")


def measure_rendering(pipe: Connection) -> None:
    """Answer (whose, children that change before each scrape, scrapes) with the CPU seconds of one scrape."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_answer(pipe))


async def _answer(pipe: Connection) -> None:
    sides = {"ours": _ours(), "theirs": _theirs()}
    pipe.send({name: _count(await expose()) for name, (_, expose) in sides.items()})
    while (question := await asyncio.to_thread(next_question, pipe)) is not None:
        name, changed, scrapes = question
        children, expose = sides[name]
        gc.collect()
        pipe.send(await _cpu_of_one(children[:changed], expose, scrapes))


async def _cpu_of_one(changed: list[series.Child], expose: Expose, scrapes: int) -> float:
    total = 0.0
    for _ in range(scrapes):
        series.touch(changed)
        began = process_time()
        await expose()
        total += process_time() - began
    return total / scrapes


def _ours() -> tuple[list[series.Child], Expose]:
    telemetry = instrument(FastAPI(), service_name="benchmark")
    app = telemetry.exposition()

    async def expose() -> bytes:
        bodies: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            bodies.append(message.get("body", b""))

        await app(scope_of("/metrics", _ACCEPT), receive, send)
        return b"".join(bodies)

    return series.ours(telemetry.registry), expose


def _theirs() -> tuple[list[series.Child], Expose]:
    registry = CollectorRegistry()

    async def expose() -> bytes:
        return generate_latest(registry)

    return series.theirs(registry), expose


def _count(exposed: bytes) -> int:
    """Series in an exposition."""
    return sum(line[:1] not in {b"", b"#"} for line in exposed.splitlines())
