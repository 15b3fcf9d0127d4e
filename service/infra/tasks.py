import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

AGAIN_SECONDS = 0.1


class Tasks:
    """Background tasks that somebody remembers, and ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do it behind the request that asks for it, and not on its account."""
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End all of them."""
        # Until Python 3.12, `asyncio.wait_for` loses a cancellation that comes with the answer: ask again.
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=AGAIN_SECONDS)
