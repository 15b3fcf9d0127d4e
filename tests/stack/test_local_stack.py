"""Prometheus and Alertmanager as `make stack` runs them."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from dashboards.local import (
    HOST,
    Binaries,
    Ports,
    Stack,
    StackError,
    alertmanager_config,
    find_binaries,
    prometheus_config,
    require_free,
)
from dashboards.slo.burning import group
from dashboards.slo.objectives import load
from service.infra.embedded.ports import free_port
from tests.instances import eventually
from tests.stack.conftest import program

OBJECTIVES = load()


@pytest.fixture
def ports() -> Ports:
    return Ports(*(free_port() for _ in range(5)))


@pytest.fixture
def alertmanager(ports: Ports, tmp_path: Path) -> Iterator[str]:
    """Where the API of a running one is."""
    program("prometheus")
    program("alertmanager", "prometheus-alertmanager")
    stack = Stack(find_binaries(), ports, tmp_path)
    stack.start(prometheus_config(ports), alertmanager_config(ports))
    try:
        address = f"http://{HOST}:{ports.alertmanager}"
        eventually("Alertmanager", lambda: is_healthy(address))
        yield f"{address}/api/v2/alerts"
    finally:
        stack.stop()


def is_healthy(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/-/healthy", timeout=30).status_code == 200
    except httpx2.HTTPError:
        return False


def burning(severity: str, slo: str) -> dict[str, str]:
    """The labels of an alert of that objective."""
    objective = next(each for each in OBJECTIVES.objectives if each.name == slo)
    labels = (rule.labels for rule in group(OBJECTIVES, objective).rules)
    return {
        "alertname": "ErrorBudgetBurn",
        **next(each for each in labels if each["severity"] == severity),
    }


def test_a_page_silences_the_ticket_of_the_same_objective_and_no_other(alertmanager: str) -> None:
    sent = [burning("page", "latency"), burning("ticket", "latency"), burning("ticket", "availability")]
    httpx2.post(alertmanager, json=[{"labels": labels} for labels in sent], timeout=30).raise_for_status()

    def silenced() -> list[dict[str, str]]:
        alerts = httpx2.get(alertmanager, timeout=30).json()
        return [alert["labels"] for alert in alerts if alert["status"]["inhibitedBy"]]

    eventually("all alerts", lambda: len(httpx2.get(alertmanager, timeout=30).json()) >= len(sent))
    eventually("silence", silenced)
    assert silenced() == [burning("ticket", "latency")]


def test_a_taken_port_is_told_with_the_option_that_changes_it(ports: Ports) -> None:
    require_free(ports)
    with socket.socket() as somebody:
        somebody.bind((HOST, ports.alertmanager))
        somebody.listen()
        with pytest.raises(StackError, match=rf"port {ports.alertmanager} is taken: .* --alertmanager-port"):
            require_free(ports)


def test_what_ends_by_itself_is_told_with_its_last_words(ports: Ports, tmp_path: Path) -> None:
    stack = Stack(Binaries("/bin/cat", "/bin/sleep"), ports, tmp_path)
    stack.start("", "")
    try:
        eventually("an end", stack.ended)
        # Neither knows the options; which of them ends first is up to the machine.
        assert re.fullmatch("(cat|sleep) has ended: .+", str(stack.ended()))
        assert "--help" in str(stack.ended())
    finally:
        stack.stop()


def test_exporters_are_scraped_in_containers_alone(ports: Ports) -> None:
    config = prometheus_config(ports)
    assert f"{HOST}:{ports.api}" in config
    assert "exporter" not in config
