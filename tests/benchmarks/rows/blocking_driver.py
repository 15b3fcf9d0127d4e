"""P10: what a driver that blocks the event loop costs, and whether it is found out."""

import re
from contextlib import ExitStack
from functools import partial
from urllib.request import urlopen

from tests.benchmarks.applications import slow_query_asyncpg, slow_query_blocking
from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import OURS
from tests.benchmarks.figures import Figure, Line, Result
from tests.benchmarks.load import Stream
from tests.benchmarks.row import Row
from tests.benchmarks.server import serve
from tests.benchmarks.under_load import Comparison, clients, load
from tests.benchmarks.workers import Worker

_CLIENTS = 64
_ROUNDS = 3
_SECONDS = 3.0
_STREAM = Stream(("/slow",), connections=_CLIENTS)
_BLOCKED = re.compile(r'asyncio_event_loop_blocked_total\{culprit="([^"]*)"\} ([0-9.]+)')


def measure(bench: Bench) -> Result:
    url = bench.servers.admin_url
    drivers = {
        "asyncpg": partial(slow_query_asyncpg.application, url, _CLIENTS),
        "psycopg, blocking": partial(slow_query_blocking.application, url),
    }
    with ExitStack() as stack:
        crew = stack.enter_context(clients())
        servers = {
            name: stack.enter_context(Worker(serve, partial(OURS.create, application)))
            for name, application in drivers.items()
        }
        # A blocked loop answers nobody before it has worked for everybody: also a quick run takes the whole time.
        measured = bench.take_turns(_ROUNDS, servers, lambda server: load(crew, server, _SECONDS, [_STREAM]))
        blocks = {name: _blocks(server) for name, server in servers.items()}
    served = {name: Comparison(measurements) for name, measurements in measured.items()}
    waiting, blocking = served.values()
    return Result(
        (
            Line("asyncpg / blocking driver", waiting.rate.over(blocking.rate)),
            *(Line(name, each.rate, "requests/s") for name, each in served.items()),
            *(Line(f"{name}, p50", each.latency(0.5), "ms") for name, each in served.items()),
            *(
                Line(f"{name}, blocks of the loop that were counted", Figure((sum(counted.values()),)))
                for name, counted in blocks.items()
            ),
        ),
        tuple(_found(name, counted) for name, counted in blocks.items()),
    )


def _blocks(server: Worker) -> dict[str, float]:
    """Blocks of the event loop by culprit, as `/metrics` shows them."""
    with urlopen(f"http://127.0.0.1:{server.greeting}/metrics") as answer:
        return {culprit: float(count) for culprit, count in _BLOCKED.findall(answer.read().decode())}


def _found(name: str, blocks: dict[str, float]) -> str:
    culprits = ", ".join(f"`{culprit}` ({count:.0f})" for culprit, count in blocks.items())
    return f"With {name}, `asyncio_event_loop_blocked_total` names {culprits or 'nobody'}."


ROW = Row(
    "P10",
    "A driver that blocks the event loop / asyncpg",
    f"""\
An `async def` route runs a query that sleeps 20 ms in PostgreSQL for {_CLIENTS} clients, once through psycopg's blocking connection and
once through a pool of {_CLIENTS} asyncpg connections; both applications are instrumented by ours, {_SECONDS:.0f} seconds
each in each of {_ROUNDS} rounds. The blocks and their culprits are read from `/metrics` at the end, warm-up included.""",
    measure,
)
