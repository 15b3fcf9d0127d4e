"""What shows alerts, asked over HTTP."""

from collections.abc import Iterator
from threading import Thread
from typing import Any

import httpx2
import pytest

from dashboards.receiver import receiver

HOST = "127.0.0.1"
ALERT = {
    "status": "firing",
    "labels": {"alertname": "ServiceDown", "severity": "page"},
    "annotations": {"summary": "Gone", "dashboard_url": "http://boards", "runbook_url": "http://runbooks"},
}


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def client(told: list[str]) -> Iterator[httpx2.Client]:
    with receiver(HOST, 0, told.append) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        with httpx2.Client(base_url=f"http://{HOST}:{server.server_port}") as client:
            yield client
        server.shutdown()
        thread.join()


def test_a_notification_is_told_with_its_links(client: httpx2.Client, told: list[str]) -> None:
    assert client.post("/page", json={"alerts": [ALERT]}).status_code == 200
    assert [line.split() for line in told] == [
        ["page", "firing", "ServiceDown:", "Gone", "http://boards", "http://runbooks"]
    ]


def test_the_watchdog_is_told_to_nobody(client: httpx2.Client, told: list[str]) -> None:
    assert client.post("/watchdog", json={"alerts": [ALERT]}).status_code == 200
    assert told == []


@pytest.mark.parametrize("body", [b"", b"[1]", b"{}", b'{"alerts": [{}]}', b"\xff"])
def test_what_is_no_notification_is_refused(client: httpx2.Client, told: list[str], body: Any) -> None:
    assert client.post("/page", content=body).status_code == 400
    assert told == []


def test_runbooks_are_listed_and_served_and_nothing_else_is(client: httpx2.Client) -> None:
    listed = client.get("/").text.split()
    assert "/runbooks/ServiceDown.md" in listed
    assert client.get("/runbooks/ServiceDown.md").text.startswith("# ServiceDown")
    for path in ("/runbooks/Nothing.md", "/runbooks/../slo.yaml", "/runbooks/%2e%2e/slo.yaml", "/slo.yaml"):
        assert client.get(path).status_code == 404
