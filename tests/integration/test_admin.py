"""The port of its own: one server has it, the others stand by until it is gone."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from observability.asgi import admin
from observability.asgi.admin import AdminServer
from observability.settings import TelemetrySettings
from observability.setup import instrument
from service.infra.embedded.ports import free_port

HOST = "127.0.0.1"
PATIENCE = 30.0

Serve = Callable[..., AdminServer]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def serve(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a server that answers with this text; all are gone afterwards."""
    monkeypatch.setattr(admin, "_RETRY_SECONDS", 0.01)
    servers: list[AdminServer] = []

    def start(answer: str, host: str = HOST) -> AdminServer:
        server = AdminServer(lambda: PlainTextResponse(answer), host, port)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()
    eventually(lambda: not threads())


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "admin-server"]


def answer(port: int, host: str = HOST) -> str:
    with closing(http.client.HTTPConnection(host, port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def seen(port: int, host: str = HOST) -> str:
    """The answer, empty where nobody answers."""
    try:
        return answer(port, host)
    except (OSError, http.client.HTTPException):
        return ""


def test_it_answers_whatever_the_path_until_it_is_stopped(port: int, serve: Serve) -> None:
    server = serve("here")
    eventually(lambda: seen(port) == "here")
    server.stop()
    eventually(lambda: not seen(port))


@pytest.mark.parametrize(
    ("request_line", "status"),
    [("GET /metrics HTTP/1.1", 200), ("POST /anything HTTP/1.1", 405), ("HELLO", 400)],
)
def test_every_answer_tells_browsers_what_not_to_do_with_it(
    port: int, request_line: str, status: int
) -> None:
    app = FastAPI()
    settings = TelemetrySettings(admin_host=HOST, admin_port=port)
    instrument(app, service_name="shop", settings=settings)
    with TestClient(app):
        eventually(lambda: seen(port))
        with socket.create_connection((HOST, port), timeout=PATIENCE) as connection:
            connection.sendall(f"{request_line}\r\nconnection: close\r\n\r\n".encode())
            head = b"".join(iter(lambda: connection.recv(65_536), b"")).partition(b"\r\n\r\n")[0].decode()
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert set(head.lower().split("\r\n")) >= {
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "referrer-policy: no-referrer",
        "cross-origin-resource-policy: same-origin",
    }
    eventually(lambda: not threads())


def test_an_application_shows_its_metrics_there_while_it_is_served(port: int) -> None:
    app = FastAPI()
    settings = TelemetrySettings(admin_host=HOST, admin_port=port)
    instrument(app, service_name="shop", settings=settings)
    with TestClient(app):
        eventually(lambda: "# TYPE http_server_active_requests gauge" in seen(port))
    eventually(lambda: not threads())


def test_a_second_server_stands_by_says_so_once_and_takes_over(port: int, serve: Serve) -> None:
    with structlog.testing.capture_logs() as events:
        first = serve("first")
        eventually(lambda: seen(port) == "first")
        serve("second")
        eventually(lambda: events)
        assert answer(port) == "first"
        first.stop()
        eventually(lambda: seen(port) == "second")
    (said,) = events
    assert (said["event"], said["port"], said["effect"]) == ("admin_port_taken", port, "standing by")


def test_a_server_that_stands_by_can_be_stopped_and_started_again(port: int, serve: Serve) -> None:
    with structlog.testing.capture_logs() as events, socket.create_server((HOST, port)):
        waiting = serve("waiting")
        eventually(lambda: events)
        for _ in range(50):
            waiting.stop()
            waiting.start()
    eventually(lambda: seen(port) == "waiting")
    eventually(lambda: len(threads()) == 1)


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_it_serves_on_ipv6_too(port: int, serve: Serve) -> None:
    serve("here", "::1")
    eventually(lambda: seen(port, "::1") == "here")


def test_a_host_of_another_machine_is_one_error_and_tried_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[object] = []
    real = socket.create_server

    def create_server(address: tuple[str, int], **options: Any) -> socket.socket:
        tries.append(address)
        return real(address, **options)

    monkeypatch.setattr(socket, "create_server", create_server)
    with structlog.testing.capture_logs() as events:
        serve("nowhere", "192.0.2.1")
        eventually(lambda: len(tries) == 3)
    (said,) = events
    assert (said["event"], said["log_level"], said["host"]) == ("admin_port_not_served", "error", "192.0.2.1")


@pytest.mark.parametrize("impossible", [-1, 65_536])
def test_a_port_that_cannot_be_is_refused_with_the_settings(impossible: int) -> None:
    with pytest.raises(ValueError, match=f"admin_port is {impossible}"):
        TelemetrySettings(admin_port=impossible)


def test_a_server_that_was_stopped_while_it_started_serves_nothing(port: int) -> None:
    def stopping() -> PlainTextResponse:
        server.stop()
        return PlainTextResponse("too late")

    server = AdminServer(stopping, HOST, port)
    server._run(server._stopped)
    assert seen(port) != "too late"
