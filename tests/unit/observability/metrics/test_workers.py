"""Several workers that show their numbers as one; here they live in one process, each with a registry of its own."""

import fcntl
import gc
import json
import math
import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from observability.conventions import LOOP_BLOCKED, OVERFLOW, Metric
from observability.metrics import memory
from observability.metrics.exposition import Exposition, wanted
from observability.metrics.instruments import Counter, Gauge, Histogram
from observability.metrics.registry import Registry
from observability.metrics.runtime import RuntimeMetrics
from observability.metrics.workers import is_deserted
from observability.testing import recorded, series
from tests.unit.observability.conftest import Events

ORDERS = Metric("orders_total", "counter", "Orders.", ("shop",))
STOCK = Metric("stock", "gauge", "Stock.")
VERSION = Metric("version", "gauge", "Version.", aggregate="max")
WEIGHT = Metric("weight", "histogram", "Weight.", (), (1.0, 2.0), exemplars=True)
OPENMETRICS = wanted("application/openmetrics-text", "", frozenset())


class Worker:
    """One worker's registry and what it records."""

    def __init__(self, folder: Path, *, series_budget: int = 2_000, weight: Metric = WEIGHT) -> None:
        self.registry = Registry(series_budget=series_budget)
        self.orders = Counter(ORDERS, self.registry)
        self.stock, self.version = Gauge(STOCK, self.registry), Gauge(VERSION, self.registry)
        self.weight = Histogram(weight, self.registry)
        self.registry.share(folder)

    def die(self) -> None:
        """What the kernel does for a process that is gone."""
        self.registry.leave()

    def sees(self, name: str, **labels: str) -> float | None:
        return recorded(self.registry, name, **labels)


Hire = Callable[..., Worker]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "workers"


@pytest.fixture
def hire(folder: Path) -> Iterator[Hire]:
    hired: list[Worker] = []

    def worker(**options: object) -> Worker:
        hired.append(Worker(folder, **options))  # type: ignore[arg-type]
        return hired[-1]

    yield worker
    for each in hired:
        each.registry.leave()


def files(folder: Path) -> set[str]:
    return {path.suffix for path in folder.iterdir()}


def test_every_worker_shows_the_numbers_of_all(hire: Hire) -> None:
    one, other = hire(), hire()
    one.orders.labels("ams").inc(2)
    other.orders.labels("ams").inc(3)
    other.orders.labels("ber").inc()
    one.stock.set(5)
    other.stock.set(7)
    one.version.set(1)
    other.version.set(2)
    one.weight.observe(0.5)
    other.weight.observe(1.5)
    for worker in (one, other):
        assert worker.sees("orders_total", shop="ams") == 5
        assert worker.sees("orders_total", shop="ber") == 1
        assert worker.sees("stock") == 12
        assert worker.sees("version") == 2
        assert worker.sees("weight_count") == 2
        assert worker.sees("weight_bucket", le="1.0") == 1
        assert worker.sees("weight_sum") == 2


def test_what_was_recorded_before_sharing_is_kept(folder: Path) -> None:
    registry = Registry()
    orders = Counter(ORDERS, registry).labels("ams")
    orders.inc(4)
    registry.share(folder)
    orders.inc()
    assert recorded(registry, "orders_total") == 5
    registry.share(folder)
    assert recorded(registry, "orders_total") == 5
    registry.leave()


def test_counts_outlive_their_worker_and_gauges_do_not(hire: Hire, folder: Path) -> None:
    one, other = hire(), hire()
    for worker in (one, other):
        worker.orders.labels("ams").inc(3)
        worker.stock.set(5)
        worker.weight.observe(1.5)
    one.die()
    for _ in range(2):
        assert other.sees("orders_total") == 6
        assert other.sees("stock") == 5
        assert other.sees("weight_count") == 2
    assert len(list(folder.glob("*.values"))) == 1
    assert len(list(folder.glob("*.index"))) == 1
    third = hire()
    assert third.sees("orders_total") == 6
    other.die()
    assert third.sees("orders_total") == 6
    assert third.sees("stock") == 0


def test_the_folder_does_not_grow_with_workers_that_come_and_go(hire: Hire, folder: Path) -> None:
    last = hire()
    for number in range(1_000):
        last.orders.labels(f"shop {number % 3}").inc()
        last.die()
        last = Worker(folder)
    assert sum(series(last.registry, "orders_total").values()) == 1_000
    assert len(list(folder.iterdir())) == 4
    assert (folder / "archive.json").stat().st_size < 5_000
    last.registry.leave()


def test_the_archive_keeps_to_the_budget(hire: Hire, folder: Path) -> None:
    for generation in range(5):
        worker = Worker(folder, series_budget=10)
        for number in range(10):
            worker.orders.labels(f"{generation} {number}").inc()
        worker.die()
    survivor = hire(series_budget=10)
    assert len(series(survivor.registry, "orders_total")) == 11
    assert survivor.sees("orders_total", shop=OVERFLOW) == 40


def test_what_a_living_worker_counts_never_goes_down_for_want_of_budget(hire: Hire, folder: Path) -> None:
    def count(worker: Worker, shops: str, amount: float) -> Worker:
        for shop in shops:
            worker.orders.labels(shop).inc(amount)
        return worker

    def shown() -> dict[str, float]:
        return {
            dict(labels)["shop"]: value for labels, value in series(alive.registry, "orders_total").items()
        }

    count(Worker(folder, series_budget=3), "abc", 1).die()
    alive, other = (count(hire(series_budget=3), "xyz", amount) for amount in (10, 5))
    before = {**dict.fromkeys("abc", 1), **dict.fromkeys("xyz", 15)}
    assert shown() == before
    other.die()
    assert shown() == before
    count(hire(series_budget=3), "uvw", 1).die()
    assert shown() == {**before, OVERFLOW: 3}
    alive.die()
    alive = hire(series_budget=3)
    assert shown() == {**dict.fromkeys("abc", 1), OVERFLOW: 3 + 3 * 15}


def test_of_culprits_the_archive_keeps_no_more_than_a_worker(folder: Path) -> None:
    for generation in range(4):
        registry = Registry()
        culprits = RuntimeMetrics(registry, culprit_budget=2)
        registry.share(folder)
        for number in range(2):
            culprits.loop_blocked(f"{generation} {number}")
        seen = series(registry, LOOP_BLOCKED.name)
        registry.leave()
    assert len(seen) == 2 + 1 + 2
    assert sum(seen.values()) == 8


def test_exemplars_survive_and_the_latest_is_shown(hire: Hire) -> None:
    one, other = hire(), hire()
    exposition = Exposition(other.registry)
    one.weight.observe(1.5, "1" * 32)
    assert "1" * 32 in exposition.render(OPENMETRICS).decode()
    other.weight.observe(1.6, "2" * 32)
    one.weight.observe(0.5, "3" * 32)
    one.die()
    text = exposition.render(OPENMETRICS).decode()
    assert [f"{digit}" * 32 in text for digit in (1, 2, 3)] == [False, True, True]


def test_a_crash_between_archiving_and_deleting_counts_nothing_twice(hire: Hire, folder: Path) -> None:
    one, other = hire(), hire()
    one.orders.labels("ams").inc(3)
    left = {path: path.read_bytes() for path in folder.glob("*.*") if path.suffix in {".values", ".index"}}
    one.die()
    assert other.sees("orders_total") == 3
    for path, content in left.items():
        if not path.exists():
            path.write_bytes(content)
    third = hire()
    assert (third.sees("orders_total"), other.sees("orders_total")) == (3, 3)
    assert len(list(folder.glob("*.values"))) == 2


def test_nor_does_it_on_a_full_disk(hire: Hire, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, third = hire(), hire(), hire()
    for worker in (one, third):
        worker.orders.labels("ams").inc(3)
    one.die()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            other.sees("orders_total")
    third.die()
    monkeypatch.setattr(Path, "write_text", full)
    last = hire()
    assert last.sees("orders_total") == 6
    assert len(list(folder.glob("*.values"))) == 3


def test_a_line_that_a_killed_worker_did_not_finish_is_ignored(hire: Hire, folder: Path) -> None:
    one, other = hire(), hire()
    one.orders.labels("ams").inc()
    with max(folder.glob("*.index"), key=lambda path: path.stat().st_size).open("ab") as index:
        index.write(b'["series", "orders_total", ["b')
    assert other.sees("orders_total") == 1
    one.die()
    assert other.sees("orders_total") == 1


def test_another_version_with_other_buckets_is_not_added_up(hire: Hire) -> None:
    old, new = hire(weight=replace(WEIGHT, buckets=(1.0, 3.0))), hire()
    old.weight.observe(0.5)
    new.weight.observe(1.5)
    old.orders.labels("ams").inc()
    assert new.sees("weight_count") == 1
    old.die()
    assert new.sees("weight_count") == 1
    assert new.sees("orders_total") == 1
    new.die()
    last = hire()
    assert last.sees("weight_count") == 1
    assert last.sees("weight_bucket", le="2.0") == 1
    assert last.sees("orders_total") == 1


def test_series_find_room_beyond_the_first_chunk(hire: Hire) -> None:
    one, other = hire(series_budget=10_000), hire()
    for number in range(9_000):
        one.orders.labels(str(number)).inc(number)
    assert sum(series(other.registry, "orders_total").values()) == sum(range(9_000))


def test_sums_that_are_no_numbers_survive_the_archive(hire: Hire) -> None:
    one, other = hire(), hire()
    one.weight.observe(math.inf)
    one.die()
    assert other.sees("weight_sum") == math.inf


def test_infinities_of_both_signs_are_no_error(hire: Hire) -> None:
    one, other, third = hire(), hire(), hire()
    one.weight.observe(math.inf)
    other.weight.observe(-math.inf)
    assert math.isnan(third.sees("weight_sum") or 0)
    one.die()
    other.die()
    assert math.isnan(third.sees("weight_sum") or 0)


@pytest.mark.parametrize("amounts", [(0.1, 0.2, 0.3), (0.7, 0.1, 0.3), (1e16, 1.0, 1.0), (1e-9, 1e9, 0.1)])
def test_a_total_is_the_same_whoever_adds_and_whoever_dies(hire: Hire, amounts: tuple[float, ...]) -> None:
    reader, *workers = [hire() for _ in range(4)]
    for worker, amount in zip(workers, amounts, strict=True):
        worker.orders.labels("ams").inc(amount)
        worker.weight.observe(amount)
    total = math.fsum(amounts)

    def shown() -> tuple[float | None, ...]:
        return reader.sees("orders_total", shop="ams"), reader.sees("weight_sum"), reader.sees("weight_count")

    assert shown() == (total, total, 3)
    for worker in workers:
        worker.die()
        assert shown() == (total, total, 3)


def killed(*_arguments: object, **_options: object) -> None:
    raise KeyboardInterrupt


def full(*_arguments: object) -> int:
    raise OSError(28, "No space left on device")


def test_a_full_disk_costs_the_others_their_view_but_nobody_an_error(
    hire: Hire, monkeypatch: pytest.MonkeyPatch, events: Events
) -> None:
    one = hire(series_budget=3 * memory.CHUNK)
    monkeypatch.setattr(os, "pwrite", full)
    for number in range(memory.CHUNK + 10):
        one.orders.labels(str(number)).inc()
    assert events.get_nowait()["event"] == "metrics_not_shared"
    assert 0 < len(series(one.registry, "orders_total")) < memory.CHUNK
    one.orders.labels(str(memory.CHUNK + 5)).inc()


def test_a_full_disk_leaves_the_dead_where_they_are_until_there_is_room(
    hire: Hire, folder: Path, monkeypatch: pytest.MonkeyPatch, events: Events
) -> None:
    one, other = hire(), hire()
    for worker in (one, other):
        worker.orders.labels("ams").inc(3)
        worker.stock.set(5)
    one.die()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        for reader in (other, hire(), other):
            assert reader.sees("orders_total") == 6
            assert reader.sees("stock") == 5
        said = [events.get_nowait() for _ in range(events.qsize())]
    assert [each["event"] for each in said] == ["workers_not_archived"] * 2
    assert len(list(folder.glob("*.values"))) == 3
    assert other.sees("orders_total") == 6
    assert len(list(folder.glob("*.values"))) == 2


def test_a_folder_that_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    registry = Registry()
    orders = Counter(ORDERS, registry).labels("ams")
    with pytest.raises(OSError, match="file"):
        registry.share(tmp_path / "file" / "workers")
    orders.inc()
    assert recorded(registry, "orders_total") == 1


def test_a_forked_child_leaves_the_files_to_its_parent(hire: Hire, folder: Path) -> None:
    one, other = hire(), hire()
    one.orders.labels("ams").inc()
    receiver, sender = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        one.orders.labels("ams").inc(100)
        sender.send(recorded(one.registry, "orders_total"))
        os._exit(0)
    assert receiver.recv() == 101
    os.waitpid(pid, 0)
    receiver.close()
    sender.close()
    assert other.sees("orders_total") == 1
    assert len(list(folder.glob("*.values"))) == 2


def test_what_is_done_in_a_forked_child_is_done_for_registries_that_live(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_child: list[Callable[[], None]] = []
    monkeypatch.setattr(os, "register_at_fork", lambda *, after_in_child: in_child.append(after_in_child))
    worker, parent = Worker(folder), Worker(folder)
    (leave, _) = in_child
    leave()
    worker.orders.labels("ams").inc()
    assert worker.sees("orders_total") == 1
    assert parent.sees("orders_total") is None
    parent.die()
    del worker, parent
    gc.collect()
    for each in in_child:
        each()


def test_whoever_takes_in_a_dead_worker_takes_nothing_from_the_others(hire: Hire, folder: Path) -> None:
    dead, first, second = hire(), hire(), hire()
    dead.orders.labels("ams").inc(3)
    assert (first.sees("orders_total"), second.sees("orders_total")) == (3, 3)
    dead.die()
    assert first.sees("orders_total") == 3
    assert len(list(folder.glob("*.values"))) == 2
    assert second.sees("orders_total") == 3


def test_a_folder_is_deserted_when_no_worker_is_left(hire: Hire, folder: Path) -> None:
    one = hire()
    assert not is_deserted(folder)
    one.die()
    assert is_deserted(folder)


def test_the_index_says_what_each_number_is(hire: Hire, folder: Path) -> None:
    hire().orders.labels("ams")
    (index,) = folder.glob("*.index")
    lines = [json.loads(line) for line in index.read_text().splitlines()]
    assert [line[:2] for line in lines if "orders_total" in line] == [
        ["metric", "orders_total"],
        ["series", "orders_total"],
    ]


def test_readers_wait_for_each_other(hire: Hire, folder: Path) -> None:
    one = hire()
    with (folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert one.sees("stock") == 0
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
