"""`python -m service up` with real processes and real signals."""

import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from service.infra.embedded.ports import free_port
from tests.instances import CHILDREN, NONE, Instance, Settings, end_of, eventually, run_service
from tests.integration.conftest import reachable_folder

SECRET = "f3b1c2d4e5a69788796a5b4c3d2e1f00"
NEWCOMER = {"email": "new@example.com", "password": "correct horse battery", "name": "New"}


@pytest.fixture(scope="module")
def up() -> Iterator[Instance]:
    with reachable_folder() as folder, _stopping(Instance.up(folder)) as instance:
        yield instance


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Instance]]:
    """Starts instances in one folder and stops them afterwards."""
    with ExitStack() as running:

        def start(*arguments: str, port: int | None = None, settings: Settings = NONE) -> Instance:
            return running.enter_context(
                _stopping(Instance.up(folder, *arguments, port=port, settings=settings))
            )

        yield start


def test_the_banner_says_what_is_where(up: Instance) -> None:
    for path in ("/products", "/docs", "/metrics", "/readyz"):
        assert f"{up.base}{path}\n" in up.output
    for name in ("Worker", "Mail"):
        address = address_of(up, name)
        eventually(f"{address} answers", lambda address=address: answers(address))  # type: ignore[misc]
    assert "editor@" in up.output
    assert "postgres.secret" in up.output


def test_nothing_but_the_banner_and_the_progress_is_said(up: Instance) -> None:
    before = up.output.partition("Glasshouse is ready")[0].split("\n")
    assert before == ["Loading products: 50", "Loading items: 154", "Loading users: 3", "", ""]
    assert up.errors == ""


def test_a_sample_user_can_sign_in_with_the_password_of_the_banner(up: Instance) -> None:
    password = up.output.partition("password ")[2].split()[0]
    answer = up.post(
        "/token", data={"grant_type": "password", "username": "editor@example.com", "password": password}
    )
    assert answer.status_code == 200, answer.text


def test_a_second_instance_in_the_same_folder_is_refused(up: Instance) -> None:
    taken = up.folder / "data"
    refused = run_service("up", "--port", str(free_port()), "--data", str(taken))
    assert refused.returncode == 1
    assert refused.stderr == (
        f"glasshouse: {taken} is in use by another instance: stop that one, or choose another folder with --data\n"
    )
    assert up.is_ready()


def test_a_second_instance_on_the_same_port_is_refused(up: Instance, folder: Path) -> None:
    refused = run_service("up", "--port", str(up.port), "--data", str(folder))
    assert refused.returncode == 1
    assert refused.stderr == (
        f"glasshouse: Port {up.port} on 127.0.0.1 is taken: stop what listens there, or choose another with --port\n"
    )
    assert up.is_ready()


def test_a_registration_is_welcomed_by_an_e_mail_that_can_be_read(up: Instance) -> None:
    answer = up.post("/register", json=NEWCOMER | {"email": "welcome@example.com"})
    assert answer.status_code == 201, answer.text
    subject = "Welcome to Glasshouse"
    page = address_of(up, "Mail")
    eventually("the mailbox answers", lambda: answers(page))
    eventually("the e-mail is listed", lambda: subject in httpx2.get(page).text)
    (name,) = {path.stem for path in (up.folder / "data" / "mail").iterdir()}
    shown = httpx2.get(f"{page}{name}").text
    assert f"&lt;welcome.{answer.json()['id']}@example.com&gt;" in shown
    assert "iframe sandbox" in shown
    assert httpx2.get(f"{page}nothing").status_code == 404


@pytest.mark.parametrize("name", ["PostgreSQL", "Valkey", "The API", "The worker", "The mailbox"])
def test_a_killed_child_is_started_again(up: Instance, name: str) -> None:
    victim = eventually(f"{name} runs", lambda: up.child(name))
    victim.kill()
    eventually(f"{name} has ended", lambda: end_of([victim]))
    eventually(f"another {name} runs", lambda: up.child(name))
    eventually("all is well again", up.is_ready)
    assert up.get("/products/1").status_code == 200
    assert f"{name} has ended; starting it again\n" in up.output


def test_what_was_acknowledged_survives_a_killed_postgresql(up: Instance) -> None:
    assert up.post("/register", json=NEWCOMER).status_code == 201
    victim = eventually("PostgreSQL runs", lambda: up.child("PostgreSQL"))
    victim.kill()
    eventually("PostgreSQL has ended", lambda: end_of([victim]))
    # The connections that writes had open tell of the end once, with a 503.
    eventually("the user is known", lambda: up.post("/register", json=NEWCOMER).status_code == 409)


def test_ctrl_c_finishes_what_runs_and_the_next_start_finds_everything(
    start: Callable[..., Instance],
) -> None:
    first = start()
    family = first.family()
    with _half_sent_registration(first) as send_the_rest:
        first.signal(signal.SIGINT)
        eventually("nobody new is let in", lambda: not first.listens())
        assert send_the_rest().startswith(b"HTTP/1.1 201 ")
    assert first.wait() == 0
    assert end_of(family)
    assert first.output.endswith("Stopping\n")
    assert first.errors == ""

    second = start()
    assert "Loading" not in second.output
    assert second.post("/register", json=NEWCOMER).status_code == 409


def test_a_second_ctrl_c_ends_everything_at_once(start: Callable[..., Instance], folder: Path) -> None:
    instance = start()
    family = instance.family()
    with _half_sent_registration(instance):
        instance.signal(signal.SIGINT)
        eventually("it stops", lambda: "Stopping" in instance.output)
        instance.signal(signal.SIGINT)
        assert instance.wait() == 0
    eventually("all have ended", lambda: end_of(family))
    assert instance.errors == ""
    # PostgreSQL takes this away when it has the time to stop.
    assert (folder / "data" / "postgres" / "data" / "postmaster.pid").exists()


def test_beside_it_another_instance_with_several_workers_is_killed_and_started_again(
    up: Instance, start: Callable[..., Instance]
) -> None:
    killed = start("--workers", "2")
    api = eventually("the API runs", lambda: killed.child("The API"))
    assert len([child for child in api.children() if "spawn_main" in " ".join(child.cmdline())]) == 2
    assert killed.get("/products/1").status_code == up.get("/products/1").status_code == 200
    family = killed.family()
    killed.signal(signal.SIGKILL)
    killed.wait()

    next_one = start(port=killed.port)
    assert end_of(family)
    assert "Loading" not in next_one.output
    assert next_one.get("/products/1").status_code == up.get("/products/1").status_code == 200
    assert next_one.errors == ""


def test_given_servers_are_used_and_never_filled(
    start: Callable[..., Instance], folder: Path, database_url: str, redis_url: str
) -> None:
    admin = free_port()
    smtp = f"smtp://127.0.0.1:{free_port()}"
    instance = start(settings=_given(database_url, redis_url) | {"ADMIN_PORT": str(admin), "SMTP_URL": smtp})
    eventually("the worker runs", lambda: instance.child("The worker"))
    assert {name for name in CHILDREN if instance.child(name)} == {"The API", "The worker"}
    assert not list(folder.glob("data/postgres*"))
    assert instance.get("/products").json()["products"] == []
    assert f" http://127.0.0.1:{admin}/metrics\n" in instance.output
    assert httpx2.get(f"http://127.0.0.1:{admin}/metrics").status_code == 200
    assert "password" not in instance.output
    assert "Loading" not in instance.output


def test_a_given_redis_that_does_not_answer_is_refused(folder: Path, database_url: str) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    arguments = ("up", "--port", str(free_port()), "--data", str(folder))
    refused = run_service(*arguments, settings=_given(database_url, nowhere))
    assert refused.returncode == 1
    assert refused.stderr.startswith("glasshouse: Redis does not answer")
    assert "is REDIS_URL right" in refused.stderr
    assert refused.stderr.count("\n") == 1


def answers(address: str) -> bool:
    try:
        return httpx2.get(address).status_code == 200
    except httpx2.TransportError:
        return False


def address_of(instance: Instance, name: str) -> str:
    """What the banner says of it."""
    return instance.output.partition(f"  {name} ")[2].split()[0].rstrip(",")


def _given(database_url: str, redis_url: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "TOKEN_SECRET": SECRET}


@contextmanager
def _stopping(instance: Instance) -> Iterator[Instance]:
    try:
        yield instance
    finally:
        instance.stop()


@contextmanager
def _half_sent_registration(instance: Instance) -> Iterator[Callable[[], bytes]]:
    """A request that runs; the function that is handed out sends its rest and returns the answer."""
    body = json.dumps(NEWCOMER).encode()
    head = (
        "POST /register HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", instance.port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")  # it is being worked on

        def send_the_rest() -> bytes:
            connection.sendall(body)
            return connection.recv(1000)

        yield send_the_rest
