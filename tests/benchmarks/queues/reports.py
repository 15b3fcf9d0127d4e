"""What the jobs of a queue say, from whichever processes they run in."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Started:
    """When a job was enqueued and when it ran, by the monotonic clock."""

    enqueued: float
    at: float


@dataclass
class Reports:
    """`processes` is how many have run a job so far."""

    port: int
    processes: int = 0
    _started: "SimpleQueue[Started]" = field(default_factory=SimpleQueue)

    def of(self, jobs: int) -> list[Started]:
        """The next jobs that start. Raises `queue.Empty` when nothing starts any more."""
        return [self._started.get(timeout=_PATIENCE_SECONDS) for _ in range(jobs)]

    def accept(self, server: socket.socket) -> None:
        """Listen to everybody who comes, until the server is closed."""
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                self.processes += 1
                Thread(target=self._listen, args=(connection,), daemon=True).start()

    def _listen(self, connection: socket.socket) -> None:
        with connection, connection.makefile() as lines:
            for line in lines:
                enqueued, at = line.split()
                self._started.put(Started(float(enqueued), float(at)))


@contextmanager
def collecting() -> Iterator[Reports]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reports = Reports(server.getsockname()[1])
        Thread(target=reports.accept, args=(server,), daemon=True).start()
        try:
            yield reports
        finally:
            server.shutdown(socket.SHUT_RDWR)  # what waits for the next connection does not notice a close
