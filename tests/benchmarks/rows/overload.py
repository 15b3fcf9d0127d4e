"""What a process does with more requests than it can serve."""

from functools import partial
from pathlib import Path
from statistics import median

from service.infra.front_door import FrontDoor
from tests.benchmarks import curve
from tests.benchmarks.applications import service
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Line, Result, at_least, at_most
from tests.benchmarks.load import Load, Outcome, Stream
from tests.benchmarks.row import Row
from tests.benchmarks.server import serve
from tests.benchmarks.under_load import BadAnswers, clients
from tests.benchmarks.workers import Worker

_PRODUCTS = 10_000
_POOL_SIZE = 10
_ROUNDS = 5
_SECONDS = 5.0
_FACTORS = (0.5, 1.0, 1.5, 2.0, 3.0)
_CLIENTS = 600
_HURRIED = 32
_PATHS = [f"/items/{number}" for number in range(1, 3 * _PRODUCTS, 7)]
_PICTURE = Path(__file__).parents[3] / "docs" / "pictures" / "overload.svg"


def measure(bench: Bench) -> Result:
    offered: dict[float, list[Outcome]] = {factor: [] for factor in _FACTORS}
    capacities: list[float] = []
    make = partial(
        service.make, bench.catalogue(_PRODUCTS), f"{bench.servers.redis_url}/1", pool_size=_POOL_SIZE
    )
    with clients() as crew:
        for _ in bench.rounds(_ROUNDS):
            with Worker(serve, make, FrontDoor) as server:
                _run(bench, crew, server, Stream(_PATHS, _HURRIED))
                capacities.append(_run(bench, crew, server, Stream(_PATHS, _HURRIED)).rate)
                for factor, outcomes in offered.items():
                    stream = Stream(_PATHS, _CLIENTS, rate=factor * capacities[-1])
                    outcomes.append(_run(bench, crew, server, stream))
    good = {factor: Figure(tuple(each.rate for each in outcomes)) for factor, outcomes in offered.items()}
    p99 = {
        factor: Figure(tuple(each.percentile(0.99) * 1e3 for each in outcomes))
        for factor, outcomes in offered.items()
    }
    if not bench.is_quick:
        points = [
            curve.Point(factor * median(capacities), good[factor].median, p99[factor].median)
            for factor in _FACTORS
        ]
        _PICTURE.write_text(curve.drawn(points))
    peak = Figure(tuple(map(max, zip(*(figure.values for figure in good.values()), strict=True))))
    most = _FACTORS[-1]
    return Result(
        (
            Line(
                f"good answers at {most:g} times the capacity / at the peak",
                good[most].over(peak),
                "",
                at_least(0.8),
            ),
            Line(f"p99 of good answers at {most:g} times the capacity", p99[most], "ms", at_most(1_000)),
            Line(
                "capacity: 32 clients that ask again once they are answered",
                Figure(tuple(capacities)),
                "requests/s",
            ),
            *(
                Line(f"{factor:g} times: good answers", figure, "requests/s")
                for factor, figure in good.items()
            ),
            *(Line(f"{factor:g} times: p99 of good answers", figure, "ms") for factor, figure in p99.items()),
        ),
        ("The picture is docs/pictures/overload.svg.",),
    )


def _run(bench: Bench, crew: Worker, server: Worker, stream: Stream) -> Outcome:
    outcome: Outcome
    (outcome,) = crew.ask(Load(server.greeting, bench.seconds(_SECONDS), (stream,)))
    if outcome.errors > outcome.refused or not outcome.latencies:
        msg = f"{outcome.errors - outcome.refused} answers were neither good nor refusals, or none was good"
        raise BadAnswers(msg)
    return outcome


ROW = Row(
    "overload",
    "Good answers of one process that is offered more than it can serve",
    f"""\
The whole service, behind the server and the door of `python -m service api`, reads items from PostgreSQL. Its capacity is what
{_HURRIED} clients get that ask again as soon as they are answered. Then {_CLIENTS} keep-alive connections together send requests at a
fixed rate, whatever is answered: {", ".join(f"{factor:g}" for factor in _FACTORS)} times that capacity, {_SECONDS:.0f} seconds each, in
each of {_ROUNDS} processes, one after the other. The rest is refused with 503, and a latency runs from when the request was due. The kernel's work for
both ends of a loopback connection is done on the core of whoever sends.""",
    measure,
)
