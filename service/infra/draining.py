"""A process that is asked to end first says so, and serves on until whoever sends it requests has noticed."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

log = structlog.get_logger(__name__)


class Draining:
    """Between SIGTERM and the server's own shutdown lie so many seconds; none leaves the server alone with it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.has_begun = False

    @contextmanager
    def on_signal(self) -> Iterator[None]:
        """Come before the server's own handler of SIGTERM; enter it on the loop of a server that has set its own."""
        servers = signal.getsignal(signal.SIGTERM)
        if not self._seconds or not callable(servers):
            yield
            return
        loop = asyncio.get_running_loop()

        def begin(number: int, frame: FrameType | None) -> None:
            if self.has_begun:
                servers(number, frame)
                return
            self.has_begun = True
            log.info("draining", seconds=self._seconds)
            loop.call_soon_threadsafe(loop.call_later, self._seconds, servers, number, None)

        signal.signal(signal.SIGTERM, begin)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, servers)
