"""Several API processes on one port."""

import time

from uvicorn.supervisors import Multiprocess

LOOK_SECONDS = 0.1


class Supervisor(Multiprocess):
    """Uvicorn's, which ends as a single process does."""

    def terminate_all(self) -> None:
        super().terminate_all()
        # Each worker has its own: in ours, connections that nobody takes any more would wait instead of being refused.
        for listener in self.sockets:
            listener.close()

    def join_all(self) -> None:
        while any(worker.process.is_alive() for worker in self.processes):
            if self.signal_queue:
                self.signal_queue.clear()
                super().terminate_all()
            time.sleep(LOOK_SECONDS)
        super().join_all()
