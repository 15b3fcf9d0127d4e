"""What a child leaves behind for the case that its supervisor is killed and cannot stop it."""

import contextlib
import json
import signal
from pathlib import Path

import psutil

SAME_MOMENT_SECONDS = 1.0


class PidFile:
    """Names the last process of one child. Whoever uses it has claimed the folder: no supervisor of it lives."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    def remember(self, pid: int) -> None:
        # When it began tells it from a later process with the same number;
        # where this file is tells a folder from its copy.
        with contextlib.suppress(psutil.NoSuchProcess):
            began = psutil.Process(pid).create_time()
            self._path.write_text(json.dumps({"pid": pid, "began": began, "path": str(self._path)}))

    def stop(self, stop_signal: signal.Signals, *, grace: float) -> None:
        """End the process if it still runs, gently at first."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = self._process()
            process.send_signal(stop_signal)
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(grace)
                return
            process.kill()
            process.wait()

    def _process(self) -> psutil.Process:
        try:
            last = json.loads(self._path.read_text())
            process = psutil.Process(last["pid"])
        except (FileNotFoundError, ValueError) as error:
            raise psutil.NoSuchProcess(0) from error
        is_same = abs(process.create_time() - last["began"]) < SAME_MOMENT_SECONDS
        if not is_same or last["path"] != str(self._path):
            raise psutil.NoSuchProcess(process.pid)
        return process
