"""CPU time of exposing the same series, ours and prometheus_client's, in one process."""

import gc
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from time import process_time

from prometheus_client import CollectorRegistry, generate_latest

from observability.metrics.exposition import Exposition, wanted
from observability.metrics.registry import Registry
from tests.benchmarks import series
from tests.benchmarks.workers import next_question

Expose = Callable[[], bytes]


def measure_rendering(pipe: Connection) -> None:
    """Answer (whose, series that change before each scrape, scrapes) with the CPU seconds of one scrape.

    The greeting says how many series each of the two exposes.
    """
    sides = {"ours": _ours(), "generate_latest": _theirs()}
    pipe.send({name: _count(expose()) for name, (_, expose) in sides.items()})
    while (question := next_question(pipe)) is not None:
        name, changed, scrapes = question
        children, expose = sides[name]
        gc.collect()
        pipe.send(_cpu_of_one(children[:changed], expose, scrapes))


def _cpu_of_one(changed: Sequence[series.Child], expose: Expose, scrapes: int) -> float:
    total = 0.0
    for _ in range(scrapes):
        series.touch(changed)
        began = process_time()
        expose()
        total += process_time() - began
    return total / scrapes


def _ours() -> tuple[list[series.Child], Expose]:
    registry = Registry()
    exposition, text = Exposition(registry), wanted("text/plain;version=0.0.4", "", frozenset())
    return series.ours(registry), lambda: exposition.render(text)


def _theirs() -> tuple[list[series.Child], Expose]:
    registry = CollectorRegistry()
    return series.theirs(registry), lambda: generate_latest(registry)


def _count(exposed: bytes) -> int:
    return sum(not line.startswith(b"#") for line in exposed.splitlines())
