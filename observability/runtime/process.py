"""What the operating system and the garbage collector say about this process."""

import gc
import mmap
import multiprocessing
import os
from pathlib import Path
from time import process_time

from observability.metrics.process import ProcessMetrics

PROC = Path("/proc")

# Counting descriptors walks all of them on older kernels: not too often with thousands of connections.
_LOOKS_PER_COUNT = 10
# Fields of /proc/PID/stat after the name in parentheses, https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
_START_TICKS = 19


class ProcessReader:
    """Brings the figures of this process up to date, as far as the platform tells them."""

    def __init__(self, metrics: ProcessMetrics, proc: Path = PROC) -> None:
        """Record into `metrics` what `proc` says."""
        self._metrics = metrics
        self._self = proc / "self"
        self._looks = 0

    def refresh(self) -> None:
        """Read everything again; some 50 µs."""
        self._metrics.cpu(process_time())
        self._metrics.garbage(gc.get_stats())
        if self._self.exists():
            self._refresh_memory()
            self._refresh_descriptors()

    def _refresh_memory(self) -> None:
        virtual, resident, *_ = (self._self / "statm").read_text().split()
        self._metrics.memory(resident=int(resident) * mmap.PAGESIZE, virtual=int(virtual) * mmap.PAGESIZE)

    def _refresh_descriptors(self) -> None:
        if self._looks % _LOOKS_PER_COUNT == 0:
            folder = self._self / "fd"
            # Since Linux 6.2 the size of the folder is the number of its entries.
            opened = folder.stat().st_size or len(os.listdir(folder))  # noqa: PTH208  Path.iterdir makes a Path of each
            self._metrics.file_descriptors(opened=opened, limit=self._descriptor_limit())
        self._looks += 1

    def _descriptor_limit(self) -> float:
        limits = (self._self / "limits").read_text().splitlines()
        soft = next(line for line in limits if line.startswith("Max open files")).split()[3]
        return float("inf") if soft == "unlimited" else float(soft)


def started_at(proc: Path = PROC) -> float | None:
    """When the service started, in seconds since the Unix epoch; None where the platform does not tell.

    Workers that a supervisor started through multiprocessing, as uvicorn's does, all give the supervisor's time.
    """
    supervisor = multiprocessing.parent_process()
    ticks = start_ticks(supervisor.pid if supervisor else os.getpid(), proc)
    boot = _boot_time(proc)
    return None if ticks is None or boot is None else boot + ticks / os.sysconf("SC_CLK_TCK")


def start_ticks(pid: int | None, proc: Path = PROC) -> int | None:
    """When a process started, in clock ticks since boot: with its id that names it for good. None if it is not there."""
    try:
        return int((proc / str(pid) / "stat").read_text().rpartition(")")[2].split()[_START_TICKS])
    except OSError:
        return None


def _boot_time(proc: Path) -> float | None:
    """Seconds since the Unix epoch, None where the platform does not tell."""
    try:
        return next(
            float(line.split()[1])
            for line in (proc / "stat").read_text().splitlines()
            if line.startswith("btime ")
        )
    except (OSError, StopIteration):
        return None
