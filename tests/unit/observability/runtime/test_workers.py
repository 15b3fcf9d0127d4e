"""How the workers of one supervisor find each other."""

import multiprocessing
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from observability.conventions import Metric
from observability.metrics.instruments import Counter
from observability.metrics.memory import PrivateMemory
from observability.metrics.registry import Registry
from observability.metrics.workers import SharedMemory
from observability.runtime import workers
from observability.runtime.process import start_ticks
from observability.runtime.workers import share_with_workers
from observability.testing import recorded
from tests.unit.observability.conftest import Events

ORDERS = Metric("orders_total", "counter", "Orders.")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(workers, "_SHARED_MEMORY", tmp_path)
    return tmp_path / f"observability-{os.getuid()}"


@pytest.fixture
def _supervised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(pid=os.getppid()))


def test_a_process_without_a_supervisor_keeps_its_numbers_to_itself(registry: Registry, home: Path) -> None:
    share_with_workers(registry, None, "shop")
    assert isinstance(registry.memory, PrivateMemory)
    assert not home.exists()


@pytest.mark.usefixtures("_supervised")
def test_workers_of_one_supervisor_and_service_share(home: Path) -> None:
    registries = [Registry() for _ in range(3)]
    counters = [Counter(ORDERS, registry) for registry in registries]
    for registry, name in zip(registries, ("the shop", "the shop", "admin"), strict=True):
        share_with_workers(registry, None, name)
    for counter in counters:
        counter.inc()
    assert [recorded(registry, "orders_total") for registry in registries] == [2, 2, 1]
    assert (home.stat().st_mode & 0o777) == 0o700
    for registry in registries:
        registry.leave()


def test_a_folder_can_be_given(registry: Registry, tmp_path: Path) -> None:
    share_with_workers(registry, str(tmp_path / "given"), "shop")
    assert isinstance(registry.memory, SharedMemory)
    assert list((tmp_path / "given").glob("*.values"))
    registry.leave()


def test_a_folder_that_cannot_be_used_is_said_and_each_worker_shows_its_own(
    registry: Registry, tmp_path: Path, events: Events
) -> None:
    (tmp_path / "file").write_text("")
    share_with_workers(registry, str(tmp_path / "file"), "shop")
    said = events.get_nowait()
    assert said["event"] == "workers_not_shared"
    assert "workers_folder" in said["advice"]
    assert isinstance(registry.memory, PrivateMemory)


@pytest.mark.usefixtures("_supervised")
def test_a_home_that_is_somebody_elses_is_refused(registry: Registry, home: Path, events: Events) -> None:
    home.parent.joinpath("trap").mkdir()
    home.symlink_to("trap")
    share_with_workers(registry, None, "shop")
    assert "belongs to another user" in events.get_nowait()["reason"]
    assert isinstance(registry.memory, PrivateMemory)


@pytest.mark.usefixtures("_supervised")
def test_without_shared_memory_the_folder_for_temporary_files_serves(
    registry: Registry, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_SHARED_MEMORY", tmp_path / "absent")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    share_with_workers(registry, None, "shop")
    assert len(list(home.iterdir())) == 1
    registry.leave()


@pytest.mark.usefixtures("_supervised")
def test_what_is_no_services_folder_is_left_alone(registry: Registry, home: Path) -> None:
    home.mkdir(mode=0o700)
    strays = {"stray", "notes-of-mine", f"{2**22 + 1}-1-file", f"{10**30}-0-shop"}
    for name in strays:
        (home / name).write_text("")
    share_with_workers(registry, None, "new")
    assert isinstance(registry.memory, SharedMemory)
    assert {path.name for path in home.iterdir() if not path.name.endswith("-new")} == strays
    registry.leave()


@pytest.mark.usefixtures("_supervised")
def test_what_dead_services_left_is_removed_and_nothing_else(registry: Registry, home: Path) -> None:
    home.mkdir(mode=0o700)
    alive = start_ticks(os.getpid()) or 0
    gone = 2**22 + 1  # above the largest process id of Linux
    kept = {f"{os.getpid()}-{alive}-shop", f"{os.getpid()}-0-elsewhere-than-on-linux", f"{gone}-1-in-use"}
    for name in (*kept, f"{os.getpid()}-{alive + 1}-shop", f"{gone}-1-shop", f"{gone}-0-shop"):
        (home / name).mkdir()
    other = Registry()
    other.share(home / f"{gone}-1-in-use")
    share_with_workers(registry, None, "new")
    assert {path.name for path in home.iterdir() if not path.name.endswith("-new")} == kept
    registry.leave()
    other.leave()
