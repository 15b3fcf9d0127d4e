"""P3: requests a second under uvicorn, instrumented and not."""

from functools import partial

from tests.benchmarks.applications import small_model
from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import (
    BARE,
    CONTRIB_1,
    CONTRIB_100,
    INSTRUMENTATOR,
    NATIVE_METRICS,
    NATIVE_TRACES_1,
    OBSERVER,
    OURS,
    STARLETTE_EXPORTER,
)
from tests.benchmarks.figures import Line, Result, at_least
from tests.benchmarks.load import Stream
from tests.benchmarks.row import Row
from tests.benchmarks.under_load import client_share, compare

_CONTENDERS = (
    BARE,
    OURS,
    NATIVE_METRICS,
    NATIVE_TRACES_1,
    INSTRUMENTATOR,
    STARLETTE_EXPORTER,
    CONTRIB_1,
    CONTRIB_100,
    OBSERVER,
)
_ROUNDS = 9
_SECONDS = 1.0
_STREAM = Stream((small_model.PATH,), connections=32)


def measure(bench: Bench) -> Result:
    served = compare(
        bench,
        {contender: partial(contender.create, small_model.application) for contender in _CONTENDERS},
        lambda _: (_STREAM,),
        rounds=_ROUNDS,
        seconds=_SECONDS,
    )
    remark = client_share(served)
    bare = served.pop(BARE).rate
    shares = {contender: each.rate.over(bare) for contender, each in served.items()}
    return Result(
        (
            Line("ours / bare FastAPI", shares.pop(OURS), "", at_least(0.92)),
            *(Line(f"{contender.name} / bare FastAPI", share) for contender, share in shares.items()),
            Line("bare FastAPI", bare, "requests/s"),
        ),
        (remark,),
    )


ROW = Row(
    "P3",
    "Requests a second under uvicorn, instrumented / not",
    f"""\
The application of P1 under uvicorn (uvloop, httptools, one worker, no access log); {_STREAM.connections} keep-alive
connections, each of which sends its next request when its last is answered, for {_SECONDS:.0f} second at each contender
in each of {_ROUNDS} rounds.""",
    measure,
)
