"""Whether a request becomes slower as the catalogue grows."""

from collections.abc import Callable
from functools import partial

from service.infra import cursors
from tests.benchmarks.applications import service
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Line, Result, at_least
from tests.benchmarks.load import Stream
from tests.benchmarks.row import Row
from tests.benchmarks.under_load import client_share, compare

_FEW, _MANY = 1_000, 100_000
_ROUNDS = 7
_SECONDS = 1.0
_CONNECTIONS = 16
_POOL_SIZE = 10
_NO_REDIS = "redis://127.0.0.1:1/0"

_PATHS: dict[str, Callable[[int], list[str]]] = {
    "one item": lambda products: [f"/items/{number}" for number in range(1, 3 * products, products // 100)],
    "50 products from the middle": lambda products: [
        f"/products?limit=50&cursor={cursors.encode(products // 2)}"
    ],
    # Of 1,000 products 27 match: a page that both catalogues fill.
    "20 products that match a word": lambda _: ["/products?limit=20&q=oak"],
}


def measure(bench: Bench) -> Result:
    makes = {
        (what, products): partial(
            service.make, bench.catalogue(products), _NO_REDIS, _POOL_SIZE, cache_local_seconds=0
        )
        for what in _PATHS
        for products in (_FEW, _MANY)
    }
    served = compare(
        bench,
        makes,
        lambda key: (Stream(_PATHS[key[0]](key[1]), _CONNECTIONS),),
        rounds=_ROUNDS,
        seconds=_SECONDS,
    )
    rate = {key: comparison.rate for key, comparison in served.items()}
    return Result(
        (
            *(
                Line(
                    f"{what}: of {_MANY:,} products / of {_FEW:,}",
                    rate[what, _MANY].over(rate[what, _FEW]),
                    "",
                    at_least(0.9),
                )
                for what in _PATHS
            ),
            *(
                Line(f"{what}, of {products:,} products", rate[what, products], "requests/s")
                for what, products in rate
            ),
        ),
        (client_share(served),),
    )


ROW = Row(
    "products",
    f"Requests a second with {_FEW:,} and with {_MANY:,} products",
    f"""\
The service under uvicorn on two catalogues of sample data; {_CONNECTIONS} keep-alive connections, {_SECONDS:.0f} second
of each question to each catalogue in each of {_ROUNDS} rounds. Items are read all over the table, the page begins in
the middle of the catalogue, the search is for `oak`. Nothing is cached: Redis is away.""",
    measure,
)
