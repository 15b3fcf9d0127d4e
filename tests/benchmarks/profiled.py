"""The requests of P1, with valgrind's callgrind counting during them alone: what no other load on a machine changes.

valgrind --tool=callgrind --instr-atstart=no --cache-sim=yes python -m tests.benchmarks.profiled ours 1000
"""

import asyncio
import os
import subprocess
import sys
from importlib import import_module

from starlette.types import ASGIApp

from tests.benchmarks.applications import small_model
from tests.benchmarks.in_process import Cycle, Lifespan, request_scope

_WARM_UP = 100


async def main(contender: str, count: int) -> None:
    """Serve so many requests of a module of `contenders`."""
    app = import_module(f"tests.benchmarks.contenders.{contender}").create(small_model.application)
    lifespan = Lifespan(app)
    await lifespan.start()
    await _serve(app, _WARM_UP)
    _count("on")
    await _serve(app, count)
    _count("off")
    await lifespan.stop()


async def _serve(app: ASGIApp, count: int) -> None:
    for _ in range(count):
        cycle = Cycle()
        await app(request_scope(small_model.PATH), cycle.receive, cycle.send)


def _count(wanted: str) -> None:
    subprocess.run(["callgrind_control", "-i", wanted, str(os.getpid())], check=True)  # noqa: S607  beside valgrind


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
