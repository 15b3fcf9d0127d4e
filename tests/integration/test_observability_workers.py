"""Several workers under plain uvicorn, some of which are killed."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from observability.runtime.process import start_ticks
from observability.runtime.workers import _home
from service.infra.embedded.ports import free_port

REQUESTS = "http_server_request_duration_seconds_count"
ROUTE = {"http_route": "/pid", "http_response_status_code": "200"}
PATIENCE = 60.0


class Shop:
    """The application under `uvicorn --workers 2`, and what it answered."""

    def __init__(self) -> None:
        self.port, self.admin_port = free_port(), free_port()
        self.answered = 0
        command = [sys.executable, "-m", "uvicorn", "--factory", "tests.integration.supervised_shop:make_app"]
        self.supervisor = subprocess.Popen(
            [*command, "--workers", "2", "--port", str(self.port), "--log-level", "error"],
            env={**os.environ, "SHOP_ADMIN_PORT": str(self.admin_port)},
            start_new_session=True,
        )

    def get(self, path: str, port: int = 0, accept: str = "*/*") -> bytes:
        """One request on a connection of its own, so that any of the workers may answer it."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"accept": accept})
            reply = connection.getresponse()
            assert reply.status == 200
            return reply.read()
        finally:
            connection.close()

    def pid(self) -> int:
        """Of the worker that answers."""
        pid = int(self.get("/pid"))
        self.answered += 1
        return pid

    def pids(self) -> set[int]:
        """Of both workers."""
        found: set[int] = set()

        def both() -> bool:
            found.add(self.pid())
            return len(found) == 2

        eventually(both)
        return found

    def scrape(self, port: int = 0) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        text = self.get("/metrics", port, "application/openmetrics-text").decode()
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def counted(self) -> float:
        return sum(
            value
            for (name, labels), value in self.scrape().items()
            if name == REQUESTS and ROUTE.items() <= dict(labels).items()
        )

    def counted_all(self) -> bool:
        return self.counted() == self.answered

    def value(self, name: str) -> float:
        (value,) = [value for (sample, _), value in self.scrape().items() if sample == name]
        return value

    def stop(self) -> None:
        self.supervisor.send_signal(signal.SIGTERM)
        self.supervisor.wait(PATIENCE)


def eventually(condition: Callable[[], object]) -> None:
    """Ask again and again; an answer of the server is all there is to wait for."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if condition():
                return
        except (OSError, http.client.HTTPException):
            pass
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    shop = Shop()
    try:
        eventually(lambda: shop.get("/metrics"))
        yield shop
    finally:
        shop.stop()


def kill_one(shop: Shop) -> None:
    """Kill a worker and wait for the one that takes its place."""
    before = shop.pids()
    # A client has its answer a few microseconds before the worker counts it.
    eventually(shop.counted_all)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: start_ticks(victim) is None)
    eventually(lambda: shop.pid() not in before)


def test_totals_are_those_of_all_workers_and_survive_their_deaths(shop: Shop) -> None:
    for _ in range(3):
        for _ in range(20):
            shop.pid()
        kill_one(shop)
        eventually(shop.counted_all)


def test_counters_never_go_down_whoever_answers(shop: Shop) -> None:
    seen: dict[object, float] = {}
    for round_ in range(30):
        if round_ == 10:
            kill_one(shop)
        for sample, value in shop.scrape().items():
            if sample[0].endswith(("_total", "_count", "_sum", "_bucket")):
                assert value >= seen.get(sample, 0), sample
                seen[sample] = value
    assert len(seen) > 50


def test_gauges_are_those_of_living_workers(shop: Shop) -> None:
    kill_one(shop)
    shop.pids()
    assert shop.value("thread_pool_workers") == 2 * 40
    assert shop.value("service_build_info") == 1
    assert shop.value("http_server_active_requests") == 0
    assert shop.value("process_open_fds") > 0


def test_exemplars_of_every_worker_are_shown_and_survive(shop: Shop) -> None:
    shop.pids()
    kill_one(shop)
    text = shop.get("/metrics", accept="application/openmetrics-text").decode()
    assert [line for line in text.splitlines() if "trace_id=" in line and 'http_route="/pid"' in line]


def test_one_worker_has_the_admin_port_and_another_takes_over(shop: Shop) -> None:
    answers: Callable[[], object] = lambda: shop.get("/metrics", shop.admin_port)  # noqa: E731
    for pid in shop.pids():
        eventually(answers)
        os.kill(pid, signal.SIGKILL)
    eventually(answers)
    names = {name for name, _ in shop.scrape(shop.admin_port)}
    assert names >= {"http_server_active_requests", "process_cpu_seconds_total", "telemetry_series"}


def test_a_service_that_is_gone_leaves_nothing_once_the_next_has_started(shop: Shop) -> None:
    first = Shop()
    eventually(lambda: first.get("/metrics"))
    (folder,) = _home().glob(f"{first.supervisor.pid}-*")
    first.stop()
    second = Shop()
    eventually(lambda: second.get("/metrics"))
    assert not Path(folder).exists()
    assert list(_home().glob(f"{shop.supervisor.pid}-*"))
    second.stop()
