"""CPU time a request of several contenders, each called directly in a process of its own."""

from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import Application, Contender
from tests.benchmarks.figures import Figure
from tests.benchmarks.in_process import measure_cpu
from tests.benchmarks.workers import Worker


def cpu_of(
    bench: Bench,
    contenders: Iterable[Contender],
    application: Application,
    path: str,
    *,
    rounds: int,
    requests: int,
) -> dict[Contender, Figure]:
    """Microseconds of CPU a request, over so many rounds of so many requests."""
    requests = bench.amount(requests)
    with ExitStack() as stack:
        workers = {
            contender: stack.enter_context(Worker(measure_cpu, partial(contender.create, application), path))
            for contender in contenders
        }
        seconds = bench.take_turns(rounds, workers, lambda worker: float(worker.ask(requests)))
    return {contender: Figure(measured).times(1e6) for contender, measured in seconds.items()}
