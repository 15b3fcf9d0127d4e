"""A server as a child process: started, watched, stopped, and never left behind."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.01
PR_SET_PDEATHSIG = 1


class StartupError(Exception):
    """Something did not come up; the message says why and what to change."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The user and group that a child runs as."""

    uid: int
    gid: int


class Child:
    """One process in a session of its own, so that Ctrl-C in the terminal reaches only its parent."""

    def __init__(
        self,
        name: str,
        *,
        log: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 10.0,
    ) -> None:
        """`grace` is how many seconds the child has to end after the stop signal."""
        self.name = name
        self._grace = grace
        self._log = log
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def spawn(
        self,
        command: Sequence[str],
        *,
        identity: Identity | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> None:
        """Start the process. Call this on the main thread: on Linux the child ends with its parent's thread."""
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(self._log.open("ab")) if self._log else None
            self._process = subprocess.Popen(  # noqa: S603 (our own command lines)
                command,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                user=identity.uid if identity else None,
                group=identity.gid if identity else None,
                extra_groups=[] if identity else None,
                start_new_session=True,
                preexec_fn=_end_with_parent(self._stop_signal),  # noqa: PLW1509 (one thread, no locks held)
            )
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
                pipe.write(stdin)

    def wait_until(self, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until the child is ready.

        Raises:
            StartupError: It ended instead, or took too long; with the end of its log.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            if not self.is_running:
                msg = f"{self.name} ended while starting: {self.last_words()}"
                raise StartupError(msg)
            if time.monotonic() > deadline:
                msg = f"{self.name} was not ready after {seconds:.0f} s: {self.last_words()}"
                raise StartupError(msg)
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Ask the child to end; after its grace, end it and all that it started."""
        if self._process is None:
            return
        if self.is_running:
            self._process.send_signal(self._stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self._grace)
        self.kill()

    def kill(self) -> None:
        """End the child and all that it started, at once."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def last_words(self) -> str:
        """The last line of the log, and where the rest is."""
        if self._log is None:
            return "see above"
        lines = self._log.read_text(errors="replace").strip().splitlines() if self._log.exists() else []
        return f"{lines[-1].strip() if lines else 'it said nothing'} (see {self._log})"


def stop_orphan(pid: int, stop_signal: signal.Signals, *, seconds: float) -> None:
    """End a process that is nobody's child any more, gently at first."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, stop_signal)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(POLL_SECONDS)
        os.kill(pid, signal.SIGKILL)


def _end_with_parent(end: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(end))

    return ask
