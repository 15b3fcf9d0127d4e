"""`GET /items/{item_id}` of the service beside another form of it."""

from collections.abc import Callable
from functools import partial

from starlette.types import ASGIApp

from tests.benchmarks.applications import service
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Line, Result, Target
from tests.benchmarks.load import Stream
from tests.benchmarks.under_load import client_share, compare

_PRODUCTS = 10_000
_POOL_SIZE = 10
_ROUNDS = 11
_SECONDS = 1.5
_STREAM = Stream([f"/items/{number}" for number in range(1, 3 * _PRODUCTS, 7)], connections=16)

METHOD = f"""\
Both read the same table of {3 * _PRODUCTS:,} items, answer with the same pydantic model and have {_POOL_SIZE}
connections to PostgreSQL; {_STREAM.connections} keep-alive connections ask for one item after another under uvicorn,
{_SECONDS} seconds of each contender in each of {_ROUNDS} rounds. Ours is the whole service, instrumented, with its
middleware, problem details and time limits. CPU is that of the server's process (all threads) for each request."""


def compare_items(bench: Bench, name: str, make: Callable[[str, int], ASGIApp], target: Target) -> Result:
    """Requests a second of the service / of the application that `make` makes of a database URL and a pool size."""
    database = bench.catalogue(_PRODUCTS)
    served = compare(
        bench,
        {
            "ours": partial(service.make, database, f"{bench.servers.redis_url}/1", _POOL_SIZE),
            name: partial(make, database, _POOL_SIZE),
        },
        lambda _: (_STREAM,),
        rounds=_ROUNDS,
        seconds=_SECONDS,
    )
    return Result(
        (
            Line(f"ours / {name}", served["ours"].rate.over(served[name].rate), "", target),
            *(Line(each, comparison.rate, "requests/s") for each, comparison in served.items()),
            *(Line(f"{each}, CPU a request", comparison.cpu, "µs") for each, comparison in served.items()),
        ),
        (client_share(served),),
    )
