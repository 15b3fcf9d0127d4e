"""The real service gets slow: somebody is paged, told when it is over, and can read what to do."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest
from ruamel.yaml import YAML

from dashboards.generation import GENERATED, ROOT
from dashboards.local import (
    HOST,
    Ports,
    Stack,
    StackError,
    alertmanager_config,
    find_binaries,
    prometheus_config,
)
from dashboards.receiver import receiver
from service.infra.embedded.ports import free_port
from tests.instances import Instance, eventually
from tests.integration.conftest import SECRET
from tests.stack.conftest import program

# The windows of the rules, as if an hour took twelve seconds.
SHORT = {
    "5m": "8s",
    "30m": "10s",
    "1h": "12s",
    "2h": "14s",
    "6h": "16s",
    "1d": "18s",
    "3d": "20s",
    "30d": "5m",
}
CLIENTS, PAUSE_SECONDS = 4, 0.05
BLOCKED_SECONDS = 1.0
DEADLINE_SECONDS = 120.0


@pytest.fixture
def ports() -> Ports:
    return Ports(*(free_port() for _ in range(5)))


@pytest.fixture
def service(database_url: str, redis_url: str, ports: Ports, tmp_path: Path) -> Iterator[Instance]:
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TOKEN_SECRET": SECRET,
        "PORT": str(ports.api),
    }
    instance = Instance(tmp_path, "api", port=ports.api, settings=settings)
    try:
        eventually("the service", instance.is_ready)
        yield instance
    finally:
        instance.stop()


@contextmanager
def clients(service: Instance) -> Iterator[None]:
    """Ask for an item again and again until the end of the block."""
    over = Event()

    def ask() -> None:
        with httpx2.Client(base_url=service.base, timeout=30) as client:
            while not over.wait(PAUSE_SECONDS):
                client.get("/items/1")

    threads = [Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextmanager
def slow_items(url: str) -> Iterator[None]:
    """Somebody locks the table of items again and again, for longer than an answer may take."""
    over = Event()

    async def lock() -> None:
        connection = await asyncpg.connect(url)
        try:
            while not over.is_set():
                async with connection.transaction():
                    await connection.execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
                    await asyncio.sleep(BLOCKED_SECONDS)
        finally:
            await connection.close()

    thread = Thread(target=asyncio.run, args=(lock(),))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def short_rules(folder: Path) -> Path:
    """The rules of the latency objective as they are, but for the length of their windows."""
    text = (ROOT / GENERATED / "prometheus" / "slo-latency.yml").read_text()
    text = re.sub(r"\[(\w+)\]", lambda found: f"[{SHORT[found[1]]}]", text)
    for long, short in (
        ("interval: 30s", "interval: 1s"),
        ("for: 1m", "for: 1s"),
        ("keep_firing_for: 5m", "keep_firing_for: 2s"),
    ):
        assert long in text
        text = text.replace(long, short)
    folder.mkdir()
    (folder / "slo-latency.yml").write_text(text)
    return folder


def hasty(config: str, section: str, **times: str) -> str:
    """The configuration with these times."""
    tree = YAML(typ="safe").load(config)
    tree[section] |= times
    for route in tree.get("route", {}).get("routes", []):
        route.update(times)
    stream = StringIO()
    YAML(typ="safe").dump(tree, stream)
    return stream.getvalue()


@contextmanager
def watched(ports: Ports, folder: Path) -> Iterator[SimpleQueue[str]]:
    """What people are told, while Prometheus and Alertmanager run."""
    told: SimpleQueue[str] = SimpleQueue()
    stack = Stack(find_binaries(), ports, folder / "stack")
    with ExitStack() as ends, receiver(HOST, ports.receiver, told.put) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        ends.callback(thread.join)
        ends.callback(server.shutdown)
        ends.callback(stack.stop)
        rules = short_rules(folder / "rules")
        stack.start(
            hasty(prometheus_config(ports, rules), "global", scrape_interval="1s", scrape_timeout="1s"),
            hasty(alertmanager_config(ports), "route", group_wait="0s", group_interval="1s"),
        )
        yield told


def next_page(told: SimpleQueue[str], status: str) -> str:
    """The next page with this status; whatever else is told is passed over."""
    try:
        while True:
            line = told.get(timeout=DEADLINE_SECONDS)
            if re.match(rf"page +{status} +ErrorBudgetBurn", line):
                return line
    except Empty:
        pytest.fail(f"Not within {DEADLINE_SECONDS:.0f} s: a page that is {status}")


def test_a_slow_database_pages_somebody_who_is_told_when_it_is_over(
    service: Instance, database_url: str, ports: Ports, tmp_path: Path
) -> None:
    program("prometheus")
    program("alertmanager", "prometheus-alertmanager")
    with watched(ports, tmp_path) as told, clients(service):
        eventually("good answers", lambda: answers(ports, 'slo:sli_total:rate5m{sloth_slo="latency"} > 1'))
        with slow_items(database_url):
            page = next_page(told, "firing")
        assert "latency: the error budget burns" in page
        resolved = next_page(told, "resolved")
        assert "latency" in resolved

        address = urlsplit(page.split()[-1])
        runbook = httpx2.get(f"http://{HOST}:{ports.receiver}{address.path}")
        assert runbook.text.startswith("# ErrorBudgetBurn")


def answers(ports: Ports, query: str) -> bool:
    """Whether Prometheus has an answer; while it starts, it has a 503 without JSON."""
    try:
        answer = httpx2.get(
            f"http://{HOST}:{ports.prometheus}/api/v1/query", params={"query": query}, timeout=30
        )
    except httpx2.HTTPError:
        return False
    return answer.is_success and bool(answer.json()["data"]["result"])


def test_what_is_not_installed_is_told_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StackError, match=r"prometheus, alertmanager\. .* apt-get install"):
        find_binaries()
