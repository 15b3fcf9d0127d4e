"""Collector: what requests feel of a collector that was killed."""

import re
from contextlib import ExitStack
from functools import partial
from urllib.request import urlopen

from tests.benchmarks import cores
from tests.benchmarks.applications import small_model
from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders import ours_exporting
from tests.benchmarks.figures import Figure, Line, Result, at_most
from tests.benchmarks.load import Stream
from tests.benchmarks.receiver import receive
from tests.benchmarks.row import Row
from tests.benchmarks.server import serve
from tests.benchmarks.under_load import clients, load
from tests.benchmarks.workers import Worker

_ROUNDS = 21
_SECONDS = 2.0
_RATE = 300
_REQUESTS = Stream((small_model.PATH,), connections=16, rate=_RATE)
_SPANS = re.compile(r'^telemetry_spans_total\{outcome="(\w+)"\} (\S+)$', re.MULTILINE)


def measure(bench: Bench) -> Result:
    seconds = bench.seconds(_SECONDS)
    with ExitStack() as stack:
        crew = stack.enter_context(clients())
        servers = {}
        for name in ("alive", "killed"):
            receiver = stack.enter_context(Worker(receive, on=cores.OTHERS))
            make = partial(ours_exporting.create, small_model.application, endpoint=receiver.greeting)
            servers[name] = stack.enter_context(Worker(serve, make))
        # The last of them had its share of the load before.
        load(crew, servers["killed"], seconds, (_REQUESTS,))
        receiver.process.kill()

        def p99(server: Worker) -> float:
            return load(crew, server, seconds, (_REQUESTS,)).outcomes[0].percentile(0.99)

        times = bench.take_turns(_ROUNDS, servers, p99)
        spans = {name: _spans(server) for name, server in servers.items()}
    alive, killed = (Figure(times[name]).times(1e3) for name in ("alive", "killed"))
    return Result(
        (
            Line("p99, collector killed / alive", killed.over(alive), "", at_most(1.1)),
            Line("p99, collector alive", alive, "ms"),
            Line("p99, collector killed", killed, "ms"),
        ),
        tuple(f"With the collector {name}, spans: {said}." for name, said in spans.items()),
    )


def _spans(server: Worker) -> str:
    with urlopen(f"http://127.0.0.1:{server.greeting}/metrics") as answer:
        return ", ".join(
            f"{float(count):,.0f} {outcome}" for outcome, count in _SPANS.findall(answer.read().decode())
        )


ROW = Row(
    "collector",
    "What requests feel of a collector that was killed",
    f"""\
The application of P1, every request traced and exported by OTLP to a collector in a process of its own. One of two such
collectors is killed (SIGKILL) after {_SECONDS:.0f} seconds of load. Then p99 of {_RATE} requests a second (open loop: a
request that has to wait has its wait counted), {_SECONDS:.0f} seconds each in each of {_ROUNDS} rounds in turns. Spans
are read from `/metrics` at the end.""",
    measure,
)
