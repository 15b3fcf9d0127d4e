"""P11: what scrapes cost, and whether requests feel them."""

from tests.benchmarks import series
from tests.benchmarks.applications import exposed_series, small_model
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Line, Result, at_most
from tests.benchmarks.load import Stream
from tests.benchmarks.rendering import measure_rendering
from tests.benchmarks.row import Row
from tests.benchmarks.under_load import compare
from tests.benchmarks.workers import Worker

_RENDER_ROUNDS = 9
# A scrape of theirs takes much longer than one of ours: fewer make a figure.
_SCRAPES = {"ours": 60, "generate_latest": 6}
_CHANGES = {
    "nothing changed": 0,
    "a tenth changed": series.CHILDREN // 10,
    "everything changed": series.CHILDREN,
}

_LOAD_ROUNDS = 9
_SECONDS = 2.0
_REQUEST_RATE, _SCRAPE_RATE = 300, 4
_REQUESTS = Stream((small_model.PATH,), connections=16, rate=_REQUEST_RATE)
_SCRAPING = {
    "ours": Stream(("/metrics",), connections=1, rate=_SCRAPE_RATE),
    # A mounted application answers below its path.
    "make_asgi_app": Stream(("/metrics/",), connections=1, rate=_SCRAPE_RATE),
}


def measure(bench: Bench) -> Result:
    rendering, latency = _measure_rendering(bench), _measure_latency(bench)
    return Result(rendering.lines + latency.lines, rendering.remarks)


def _measure_rendering(bench: Bench) -> Result:
    with Worker(measure_rendering) as worker:
        questions = {
            (case, side): (side, n, _SCRAPES[side]) for case, n in _CHANGES.items() for side in _SCRAPES
        }
        seconds = bench.take_turns(_RENDER_ROUNDS, questions, lambda question: float(worker.ask(question)))
        counts: dict[str, int] = worker.greeting
    cpu = {question: Figure(values).times(1e3) for question, values in seconds.items()}
    return Result(
        (
            *(
                Line(
                    f"a scrape, {case}: ours / generate_latest",
                    cpu[case, "ours"].over(cpu[case, "generate_latest"]),
                    "",
                    at_most(0.1),
                )
                for case in _CHANGES
            ),
            *(
                Line(f"a scrape, {case}: {side}", cpu[case, side], "ms")
                for case in _CHANGES
                for side in _SCRAPES
            ),
        ),
        (
            f"Ours exposed {counts['ours']:,} series, those of its own included, and prometheus_client {counts['generate_latest']:,}.",
        ),
    )


def _measure_latency(bench: Bench) -> Result:
    makes = {"ours": exposed_series.ours, "make_asgi_app": exposed_series.theirs}
    served = compare(
        bench,
        {(side, scraped): make for side, make in makes.items() for scraped in (False, True)},
        lambda key: (_REQUESTS, _SCRAPING[key[0]]) if key[1] else (_REQUESTS,),
        rounds=_LOAD_ROUNDS,
        seconds=_SECONDS,
    )
    p99 = {key: comparison.latency(0.99) for key, comparison in served.items()}
    slowdown = {side: p99[side, True].over(p99[side, False]) for side in makes}
    return Result(
        (
            Line("p99 of requests, ours: scraped / not", slowdown["ours"], "", at_most(1.2)),
            Line("p99 of requests, make_asgi_app: scraped / not", slowdown["make_asgi_app"]),
            *(
                Line(f"p99 of requests, {side}{', scraped' if scraped else ''}", figure, "ms")
                for (side, scraped), figure in p99.items()
            ),
        )
    )


ROW = Row(
    "P11",
    f"Exposing {series.SERIES:,} series",
    f"""\
The same histogram, with {series.CHILDREN} combinations of labels and {series.SERIES // series.CHILDREN} series each, in
our registry and in one of prometheus_client, in one process; they take turns in {_RENDER_ROUNDS} rounds. The figure is
the process's CPU time to render text 0.0.4 into bytes. Before each scrape the named share of the combinations is
observed once, outside the measured time.

Then the p99 of {_REQUEST_RATE} requests a second (the application of P1; open loop: a request that has to wait has its
wait counted) while `/metrics` is scraped {_SCRAPE_RATE} times a second on a connection of its own, many times more often
than Prometheus would, and while it is not; {_SECONDS:.0f} seconds each in each of {_LOAD_ROUNDS} rounds.""",
    measure,
)
