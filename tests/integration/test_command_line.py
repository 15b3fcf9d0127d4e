"""The commands beside `up`, and what a user's mistakes are answered with."""

import asyncio
import signal
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service import __main__
from service.__main__ import cli
from service.infra.embedded.ports import free_port
from service.migrations.run import _revisions
from tests.instances import SETTINGS, Instance, eventually, run_service
from tests.integration.conftest import execute, new_database
from tests.servers import Servers

SECRET = "f3b1c2d4e5a69788796a5b4c3d2e1f00"
SECURITY_HEADERS = {(name.lower(), value) for name, value in __main__.SECURITY_HEADERS}
NOWHERE = "postgresql://user:word@127.0.0.1:1/shop"
API = {"DATABASE_URL": NOWHERE, "REDIS_URL": "redis://127.0.0.1:1/0", "TOKEN_SECRET": SECRET}


def test_a_database_is_migrated_once(empty_database_url: str) -> None:
    first, second = (_invoke("migrate", {"DATABASE_URL": empty_database_url}) for _ in range(2))
    assert (first.stdout[:13], first.stderr, first.exit_code) == ("Applied 0001_", "", 0)
    assert (second.stdout, second.stderr, second.exit_code) == ("The schema is up to date\n", "", 0)


def test_an_empty_catalogue_is_seeded_once(database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "SAMPLE_PASSWORD": "correct horse"}
    first, second = (_invoke("seed", settings, "--products", "20") for _ in range(2))
    assert first.stdout.splitlines()[-2:] == [
        "Loaded 20 products and 60 items",
        "reader@, editor@ and operator@example.com have the password correct horse",
    ]
    assert (first.stderr, first.exit_code) == ("", 0)
    assert second.stdout == "The catalogue is not empty: nothing was loaded\n"


def test_the_api_serves_until_sigterm_and_logs_an_unexpected_error_once(
    servers: Servers, redis_url: str, tmp_path: Path
) -> None:
    with new_database(servers, template="template1") as url:
        settings = API | {"DATABASE_URL": url, "REDIS_URL": redis_url, "PORT": str(port := free_port())}
        api = Instance(tmp_path, "api", port=port, settings=settings)
        try:
            eventually("it serves", api.is_ready)
            assert api.get("/items/1").status_code == 404
            asyncio.run(execute(url, "DROP TABLE items CASCADE"))
            assert api.get("/items/1").status_code == 500
        finally:
            api.signal(signal.SIGTERM)
            api.wait()
    assert api.output == ""
    assert api.errors.count("Exception in ASGI application") == 1
    assert r"relation \"items\" does not exist" in api.errors


def test_an_api_that_is_to_end_says_so_and_serves_until_it_is_asked_no_more(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = API | {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "PORT": str(port := free_port())}
    api = Instance(tmp_path, "api", port=port, settings=settings | {"DRAIN_SECONDS": "300"})
    eventually("it serves", api.is_ready)
    api.signal(signal.SIGTERM)
    eventually("it says so", lambda: api.get("/readyz").status_code == 503)
    assert api.get("/readyz").json()["checks"]["process"] == "is about to end"
    assert (api.get("/products").status_code, api.get("/healthz").status_code) == (200, 200)
    for path in ("/healthz", "/readyz", "/nowhere", "/products?limit=0", "/me", "/metrics", "/docs"):
        assert set(api.get(path).headers.items()) >= SECURITY_HEADERS, path
    api.signal(signal.SIGTERM)
    assert api.wait() == -signal.SIGTERM
    assert (api.output, api.errors) == ("", "")


@pytest.mark.parametrize(
    ("command", "settings", "message"),
    [
        ("migrate", {}, "DATABASE_URL is not set"),
        ("migrate", {"DATABASE_URL": "shop"}, "DATABASE_URL: must look like postgresql://"),
        ("migrate", {"DATABASE_URL": NOWHERE}, "Cannot reach PostgreSQL at 127.0.0.1:1"),
        ("seed", {"DATABASE_URL": NOWHERE}, "Cannot reach PostgreSQL at 127.0.0.1:1"),
        ("api", API, "Cannot reach PostgreSQL at 127.0.0.1:1"),
        ("api", API | {"TOKEN_SECRET": "secret"}, "TOKEN_SECRET: must be at least 32 random characters"),
        ("api", API | {"REDIS_URL": "localhost"}, "REDIS_URL: must start with redis://"),
        ("worker", API, "Cannot reach PostgreSQL at 127.0.0.1:1"),
        ("worker", API | {"SMTP_URL": "localhost"}, "SMTP_URL: must look like smtp://"),
        ("api", API | {"HOST": "192.0.2.1"}, "choose an address of this machine with HOST"),
    ],
)
def test_a_wrong_setting_is_answered_in_one_line_that_says_what_to_change(
    command: str, settings: dict[str, str], message: str
) -> None:
    refused = _invoke(command, settings)
    assert refused.exit_code == 1
    _is_one_line_with(message, refused.stderr)
    assert refused.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ([], {"DATABASE_URL": NOWHERE}, "TOKEN_SECRET is not set"),
        ([], API | {"REDIS_URL": ""}, "Cannot reach PostgreSQL at 127.0.0.1:1"),
        ([], {"POOL_TIMEOUT": "soon"}, "POOL_TIMEOUT: Input should be a valid number"),
        (["--host", "192.0.2.1"], {}, "choose an address of this machine with --host"),
        (["--data", "/dev/null/data"], {}, "choose another folder with --data"),
    ],
)
def test_up_answers_a_mistake_in_one_line_that_says_what_to_change(
    arguments: list[str], settings: dict[str, str], message: str, folder: Path
) -> None:
    options = ["--port", str(free_port()), "--data", str(folder), *arguments]
    refused = run_service("up", *options, settings=settings)
    assert refused.returncode == 1
    _is_one_line_with(message, refused.stderr)
    assert refused.stdout == ""


def test_the_api_does_not_start_without_its_schema(empty_database_url: str) -> None:
    refused = _invoke("api", API | {"DATABASE_URL": empty_database_url})
    assert refused.exit_code == 1
    _is_one_line_with(
        f"lacks the migrations {', '.join(_revisions())}: run `python -m service migrate`",
        refused.stderr,
    )


def test_nothing_is_seeded_without_a_schema(empty_database_url: str) -> None:
    refused = _invoke("seed", {"DATABASE_URL": empty_database_url})
    assert refused.exit_code == 1
    _is_one_line_with("run `python -m service migrate`", refused.stderr)


@pytest.mark.parametrize("setting", ["PORT", "ADMIN_PORT"])
def test_the_api_does_not_start_on_a_taken_port(setting: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = _invoke("api", API | {"PORT": str(free_port())} | {setting: str(port)})
    assert refused.exit_code == 1
    _is_one_line_with(f"Port {port} on 127.0.0.1 is taken", refused.stderr)
    _is_one_line_with(f"choose another with {setting}\n", refused.stderr)


def test_a_wrong_password_is_named(servers: Servers) -> None:
    refused = _invoke("migrate", {"DATABASE_URL": servers.admin_url.replace(":tests@", ":wrong@")})
    assert refused.exit_code == 1
    _is_one_line_with("password authentication failed", refused.stderr)


def _invoke(command: str, settings: dict[str, str], *options: str) -> Result:
    """Run a command in this process: what is refused at once needs no other."""
    environment = {**dict.fromkeys(SETTINGS), **settings}
    return CliRunner().invoke(cli, [command, *options], env=environment)


def _is_one_line_with(message: str, stderr: str) -> None:
    assert stderr.startswith("glasshouse: ")
    assert stderr.count("\n") == 1
    assert message in stderr
