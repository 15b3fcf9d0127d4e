"""Leaves a server that does not answer alone, until it does again."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from service.infra.tasks import Tasks

log = structlog.get_logger(__name__)

PROBE_SECONDS = 0.25


class Breaker:
    """Once it is open the server is asked nothing but `recover`, again and again, until that succeeds."""

    def __init__(
        self,
        server: str,
        recover: Callable[[], Awaitable[None]],
        tasks: Tasks,
        *,
        faults: tuple[type[Exception], ...],
    ) -> None:
        """`recover` raises one of the faults if it fails."""
        self._server = server
        self._recover = recover
        self._tasks = tasks
        self._faults = faults
        self._watchers: list[Callable[[bool], None]] = []
        self.is_open = False

    def watch(self, watcher: Callable[[bool], None]) -> None:
        """Tell `watcher` whether it is open whenever that changes."""
        self._watchers.append(watcher)

    def open(self, error: Exception) -> None:
        """The server does not answer, as this error shows."""
        if self.is_open:
            return
        log.warning("server_left_alone", server=self._server, reason=repr(error))
        self._change(is_open=True)
        self._tasks.start(self._recovering())

    async def _recovering(self) -> None:
        while self.is_open:
            # At once for the first time: it may have been this process that was too slow.
            try:
                await self._recover()
            except self._faults:
                await asyncio.sleep(PROBE_SECONDS)
                continue
            log.info("server_used_again", server=self._server)
            self._change(is_open=False)

    def _change(self, *, is_open: bool) -> None:
        self.is_open = is_open
        for watcher in self._watchers:
            watcher(is_open)
