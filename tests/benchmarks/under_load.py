"""Contenders under uvicorn, and the load on them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from starlette.types import ASGIApp

from tests.benchmarks import cores
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure
from tests.benchmarks.load import Load, Outcome, Stream, generate
from tests.benchmarks.server import serve
from tests.benchmarks.workers import Worker

Key = TypeVar("Key")
Make = Callable[[], ASGIApp]


class BadAnswers(Exception):
    """A server gave bad answers: what was measured is not what the row is about."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One contender in one round: what became of the streams, and the server's CPU seconds meanwhile."""

    outcomes: Sequence[Outcome]
    cpu: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One contender in all rounds."""

    measurements: tuple[Measurement, ...]

    @property
    def rate(self) -> Figure:
        """Requests a second of the first stream."""
        return Figure(tuple(each.outcomes[0].rate for each in self.measurements))

    @property
    def cpu(self) -> Figure:
        """Microseconds of the server's CPU for a request of the first stream."""
        return Figure(tuple(each.cpu * 1e6 / len(each.outcomes[0].latencies) for each in self.measurements))

    def latency(self, share: float) -> Figure:
        """Milliseconds that this share of the requests of the first stream kept."""
        return Figure(tuple(each.outcomes[0].percentile(share) * 1e3 for each in self.measurements))


def clients() -> Worker:
    """The process that makes the load."""
    return Worker(generate, on=cores.OTHERS)


def compare(
    bench: Bench,
    makes: Mapping[Key, Make],
    streams: Callable[[Key], Sequence[Stream]],
    *,
    rounds: int,
    seconds: float,
) -> dict[Key, Comparison]:
    """Serve each contender and load them in turns, so many seconds each in so many rounds."""
    seconds = bench.seconds(seconds)
    with ExitStack() as stack:
        crew = stack.enter_context(clients())
        servers = {key: (key, stack.enter_context(Worker(serve, make))) for key, make in makes.items()}

        def measure(contender: tuple[Key, Worker]) -> Measurement:
            key, server = contender
            return load(crew, server, seconds, streams(key))

        measured = bench.take_turns(rounds, servers, measure)
    return {key: Comparison(measurements) for key, measurements in measured.items()}


def load(crew: Worker, server: Worker, seconds: float, streams: Sequence[Stream]) -> Measurement:
    """Load one server once.

    Raises:
        BadAnswers: Not every answer was good.
    """
    before = cpu_seconds(server)
    outcomes: list[Outcome] = crew.ask(Load(server.greeting, seconds, tuple(streams)))
    errors = sum(outcome.errors for outcome in outcomes)
    if errors:
        msg = f"{errors} bad answers or lost connections"
        raise BadAnswers(msg)
    return Measurement(outcomes, cpu_seconds(server) - before)


def cpu_seconds(server: Worker) -> float:
    times = server.process.cpu_times()
    return float(times.user + times.system)


def client_share(comparisons: Mapping[Key, Comparison]) -> str:
    """A remark on how busy the load was: near 100 %, it may be what was measured."""
    busiest = max(
        outcome.client_cpu
        for comparison in comparisons.values()
        for each in comparison.measurements
        for outcome in each.outcomes
    )
    return f"The load used {busiest:.0%} of a core at most."
