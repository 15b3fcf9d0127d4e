"""python -m tests.benchmarks.worker: the other end of the pipe of a `Worker`."""

import sys
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection

from tests.benchmarks import cores
from tests.benchmarks.workers import Failure, next_question


def main() -> None:
    pipe = Connection(int(sys.argv[1]))
    on, target, arguments = next_question(pipe)
    cores.stay_on(on)
    try:
        target(pipe, *arguments)
    except Exception:  # noqa: BLE001 (whatever it is, the parent shows it)
        pipe.send(Failure(traceback.format_exc()))


if __name__ == "__main__":
    # The parent has been told, too, and closes the pipe.
    with suppress(KeyboardInterrupt):
        main()
