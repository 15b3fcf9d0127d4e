"""A server as a child process: started, watched, stopped, and never left behind."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from service.infra.embedded.pid_file import PidFile
from service.infra.start import StartupError

POLL_SECONDS = 0.01
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """The user and group that a child runs as."""

    uid: int
    gid: int


class Child:
    """One process, with all that it starts."""

    def __init__(
        self,
        name: str,
        *,
        pid_file: Path,
        log: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 10.0,
    ) -> None:
        """`grace` is how many seconds the child has to end after the stop signal."""
        self.name = name
        self._pid_file = PidFile(pid_file)
        self._grace = grace
        self._log = log
        self._log_start = 0
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
        """Start the process. Call this on the main thread: on Linux the child ends with its parent's thread.

        Raises:
            StartupError: The system refuses.
        """
        with self._refusal_in_words(), contextlib.ExitStack() as stack:
            output = stack.enter_context(self._log.open("ab")) if self._log else None
            self._log_start = output.tell() if output else 0
            self._process = subprocess.Popen(  # noqa: S603 (our own command lines)
                command,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=output or _ours(sys.stdout),
                stderr=output or _ours(sys.stderr),
                env=env,
                **_dependent(identity, self._stop_signal),
            )
            self._pid_file.remember(self._process.pid)
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
        self.kill_without_waiting()
        if self._process:
            self._process.wait()

    def kill_without_waiting(self) -> None:
        """The same for a signal handler, which may have interrupted one of the other methods."""
        if self._process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def stop_leftover(self) -> None:
        """End the process that an earlier supervisor of this folder started, and was killed before it could stop it."""
        self._pid_file.stop(self._stop_signal, grace=self._grace)

    def last_words(self) -> str:
        """Why it ended, as far as its log tells, and where the rest is."""
        if self._log is None:
            return "see above"
        lines = self._log.read_bytes()[self._log_start :].decode(errors="replace").strip().splitlines()
        fatal = [line for line in lines if "FATAL" in line]
        said = (fatal or lines or ["it said nothing"])[-1].strip()
        return f"{said} (see {self._log})"

    @contextlib.contextmanager
    def _refusal_in_words(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            msg = f"{self.name} cannot be started ({error.strerror}: {error.filename})"
            raise StartupError(msg) from error


def _ours(stream: TextIO | None) -> int | None:
    """Our own output for a child; where that is closed, a place that takes everything."""
    return None if stream else subprocess.DEVNULL


def run_to_end(command: Sequence[str], *, identity: Identity | None) -> tuple[int, str]:
    """Run a program until it has ended, and return its status and what it said on standard error.

    When we are interrupted, it and all that it started are killed.
    """
    process = subprocess.Popen(  # noqa: S603 (our own command lines)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd="/",
        **_dependent(identity, signal.SIGKILL),
    )
    with process:
        try:
            _, said = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, said.decode(errors="replace")


def _dependent(identity: Identity | None, end: signal.Signals) -> dict[str, Any]:
    """The arguments of `subprocess` for a process that may run as somebody else and, on Linux, ends with its parent.

    It has a session of its own: Ctrl-C in the terminal does not reach it, and what it starts can be found.
    """
    options: dict[str, Any] = {"start_new_session": True}
    if identity:
        options |= {"user": identity.uid, "group": identity.gid, "extra_groups": []}
    if sys.platform == "linux":
        options["preexec_fn"] = _end_with_parent(end)  # safe: one thread, no locks held
    return options


def _end_with_parent(end: signal.Signals) -> Callable[[], None]:
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(end))
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)

    return ask
