"""CPU time a request of several contenders, each called directly in a process of its own."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from starlette.types import ASGIApp

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure
from tests.benchmarks.in_process import measure_cpu
from tests.benchmarks.workers import Worker

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Call:
    """A path of the application that `make` makes."""

    make: Callable[[], ASGIApp]
    path: str


def cpu_of(
    bench: Bench, calls: Mapping[Key, Call], *, rounds: int, requests: int, processes: int = 1
) -> dict[Key, Figure]:
    """Microseconds of CPU a request, over so many rounds of so many requests in each of so many processes.

    One process after the other: the more a request does, the more it matters how the memory of its process happens to lie.
    """
    requests = bench.amount(requests)
    seconds: dict[Key, list[float]] = {key: [] for key in calls}
    for _ in range(1 if bench.is_quick else processes):
        with ExitStack() as stack:
            workers = {
                key: stack.enter_context(Worker(measure_cpu, call.make, call.path))
                for key, call in calls.items()
            }
            turns = bench.take_turns(rounds, workers, lambda worker: float(worker.ask(requests)))
        for key, measured in turns.items():
            seconds[key] += measured
    return {key: Figure(tuple(measured)).times(1e6) for key, measured in seconds.items()}
