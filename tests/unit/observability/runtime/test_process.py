"""The standard figures of a process."""

import gc
import mmap
import multiprocessing
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from observability.metrics.process import ProcessMetrics
from observability.metrics.registry import Registry
from observability.runtime.process import PROC, ProcessReader, started_at
from observability.testing import recorded

STAT = "7 (a (strange) name) S " + " ".join(["0"] * 18) + " 250 0"
TICK = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    own = tmp_path / "self"
    (own / "fd").mkdir(parents=True)
    (own / "statm").write_text("300 200 30 1 0 40 0\n")
    (own / "limits").write_text(
        "Limit   Soft Limit  Hard Limit  Units\nMax open files   1024   4096   files\n"
    )
    (tmp_path / str(os.getpid())).mkdir()
    (tmp_path / str(os.getpid()) / "stat").write_text(STAT)
    (tmp_path / "stat").write_text("cpu 1 2 3\nbtime 1700000000\n")
    return tmp_path


def refresh(registry: Registry, proc: Path, times: int = 1) -> None:
    reader = ProcessReader(ProcessMetrics(registry), proc)
    for _ in range(times):
        reader.refresh()


def test_memory_is_told_in_bytes(registry: Registry, proc: Path) -> None:
    refresh(registry, proc)
    assert recorded(registry, "process_resident_memory_bytes") == 200 * mmap.PAGESIZE
    assert recorded(registry, "process_virtual_memory_bytes") == 300 * mmap.PAGESIZE


def test_newer_kernels_tell_the_number_of_descriptors(registry: Registry, proc: Path) -> None:
    refresh(registry, proc)
    assert recorded(registry, "process_open_fds") == (proc / "self" / "fd").stat().st_size


@pytest.mark.skipif(not (PROC / "self" / "task").exists(), reason="a folder without a size is found in /proc")
def test_older_kernels_have_their_descriptors_counted(registry: Registry, proc: Path) -> None:
    (proc / "self" / "fd").rmdir()
    (proc / "self" / "fd").symlink_to(PROC / "self" / "task")
    refresh(registry, proc)
    assert recorded(registry, "process_open_fds") == len(list((PROC / "self" / "task").iterdir()))


@pytest.mark.parametrize(("soft", "limit"), [("1024", 1024), ("unlimited", float("inf"))])
def test_the_limit_of_descriptors_is_the_soft_one(
    registry: Registry, proc: Path, soft: str, limit: float
) -> None:
    (proc / "self" / "limits").write_text(f"Max open files   {soft}   4096   files\n")
    refresh(registry, proc)
    assert recorded(registry, "process_max_fds") == limit


def test_descriptors_are_counted_seldom(registry: Registry, proc: Path) -> None:
    reader = ProcessReader(ProcessMetrics(registry), proc)
    reader.refresh()
    (proc / "self" / "limits").write_text("Max open files   9   9   files\n")
    for _ in range(9):
        reader.refresh()
    assert recorded(registry, "process_max_fds") == 1024
    reader.refresh()
    assert recorded(registry, "process_max_fds") == 9


def test_elsewhere_than_on_linux_there_is_still_cpu_and_garbage(registry: Registry, tmp_path: Path) -> None:
    refresh(registry, tmp_path)
    assert (recorded(registry, "process_cpu_seconds_total") or 0) > 0
    assert recorded(registry, "process_resident_memory_bytes") == 0
    collections = gc.get_stats()[2]["collections"]
    assert recorded(registry, "python_gc_collections_total", generation="2") == pytest.approx(
        collections, abs=1
    )


def test_totals_are_counted_once(registry: Registry, tmp_path: Path) -> None:
    gc.collect()
    refresh(registry, tmp_path, times=3)
    collections = gc.get_stats()[2]["collections"]
    assert recorded(registry, "python_gc_collections_total", generation="2") == pytest.approx(
        collections, abs=1
    )


def test_a_total_that_falls_takes_nothing_away(registry: Registry) -> None:
    metrics = ProcessMetrics(registry)
    for seconds in (2.0, 1.0, 5.0):
        metrics.cpu(seconds)
    assert recorded(registry, "process_cpu_seconds_total") == 5


def test_each_generation_is_counted_apart(registry: Registry) -> None:
    metrics = ProcessMetrics(registry)
    for round_ in (1, 2):
        metrics.garbage(
            {"collected": 10 * round_ + n, "uncollectable": n, "collections": round_} for n in range(3)
        )
    name = "python_gc_objects_collected_total"
    assert [recorded(registry, name, generation=str(n)) for n in range(3)] == [20, 21, 22]
    assert recorded(registry, "python_gc_objects_uncollectable_total", generation="2") == 2
    assert recorded(registry, "python_gc_collections_total", generation="0") == 2


def test_the_start_is_told_since_the_epoch(proc: Path) -> None:
    assert started_at(proc) == 1_700_000_000 + 250 / TICK


def test_workers_tell_when_their_supervisor_started(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (proc / "41").mkdir()
    (proc / "41" / "stat").write_text(STAT.replace(" 250 ", " 100 "))
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(pid=41))
    assert started_at(proc) == 1_700_000_000 + 100 / TICK


def test_without_proc_the_start_is_unknown(tmp_path: Path) -> None:
    assert started_at(tmp_path) is None


def test_without_a_boot_time_the_start_is_unknown(proc: Path) -> None:
    (proc / "stat").write_text("cpu 1 2 3\n")
    assert started_at(proc) is None
