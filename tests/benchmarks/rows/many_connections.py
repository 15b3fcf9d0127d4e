"""P12: 5,000 open connections."""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from tests.benchmarks.applications import small_model
from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import BARE, OURS, Contender
from tests.benchmarks.figures import Figure, Line, Result, at_most
from tests.benchmarks.load import Load, Outcome, Stream
from tests.benchmarks.row import Row
from tests.benchmarks.server import serve
from tests.benchmarks.under_load import clients
from tests.benchmarks.workers import Worker

_CONNECTIONS = 5_000
_ROUNDS = 3
_SECONDS = 6.0
_LOOK_SECONDS = 0.05
_WARM_UP = Stream((small_model.PATH,), connections=32)


@dataclass(frozen=True, slots=True)
class _Crowd:
    """What many connections at once met and cost."""

    errors: int
    unanswered: int
    rate: float
    bytes_each: float


def measure(bench: Bench) -> Result:
    count = bench.amount(_CONNECTIONS)
    crowds: dict[Contender, list[_Crowd]] = {OURS: [], BARE: []}
    for _ in bench.rounds(_ROUNDS):
        for contender, measured in crowds.items():
            measured.append(_crowd(contender, count, bench.seconds(_SECONDS)))
    return Result(
        tuple(line for contender, measured in crowds.items() for line in _lines(contender, measured))
    )


def _crowd(contender: Contender, count: int, seconds: float) -> _Crowd:
    """In a fresh server each time: memory that was once used is not given back."""
    with ExitStack() as stack:
        crew = stack.enter_context(clients())
        server = stack.enter_context(Worker(serve, partial(contender.create, small_model.application)))
        crew.ask(Load(server.greeting, 0.3, (_WARM_UP,)))
        before = server.process.memory_info().rss
        crew.tell(Load(server.greeting, seconds, (Stream((small_model.PATH,), connections=count),)))
        peak = before
        while not crew.has_answer(_LOOK_SECONDS):
            peak = max(peak, server.process.memory_info().rss)
        outcome: Outcome = crew.answer()[0]
    return _Crowd(outcome.errors, outcome.unanswered, outcome.rate, (peak - before) / count)


def _lines(contender: Contender, measured: list[_Crowd]) -> tuple[Line, ...]:
    def figure(values: list[float]) -> Figure:
        return Figure(tuple(values))

    return (
        Line(f"{contender.name}: errors", figure([each.errors for each in measured]), "", at_most(0)),
        Line(
            f"{contender.name}: connections without an answer",
            figure([each.unanswered for each in measured]),
            "",
            at_most(0),
        ),
        Line(
            f"{contender.name}: memory a connection",
            figure([each.bytes_each / 1024 for each in measured]),
            "KiB",
        ),
        Line(
            f"{contender.name}: all connections together",
            figure([each.rate for each in measured]),
            "requests/s",
        ),
    )


ROW = Row(
    "P12",
    f"One worker, {_CONNECTIONS:,} open keep-alive connections, requests on all of them",
    f"""\
{_CONNECTIONS:,} connections to one uvicorn worker with the application of P1 are opened and stay open for {_SECONDS:.0f}
seconds, each with a request on its way all the time; {_ROUNDS} rounds, each in a fresh process. Memory is the growth of
the server's resident set from just before to its peak, with all requests in flight, for each connection.""",
    measure,
)
