"""python -m tests.benchmarks.queues.enqueuing MODULE: enqueues with one contender, as it is told on stdin."""

import asyncio
import sys
from importlib import import_module


async def main(module: str) -> None:
    """Each line is how many jobs, and the pause after each in seconds; 0 is all at once."""
    contender = import_module(module)
    async with contender.enqueuing() as enqueue:
        for line in sys.stdin:
            jobs, pause = int(line.split()[0]), float(line.split()[1])
            if pause:
                for _ in range(jobs):
                    await enqueue(1)
                    await asyncio.sleep(pause)
            else:
                await enqueue(jobs)
            print("done", flush=True)  # noqa: T201 (whom this is for waits for it)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
