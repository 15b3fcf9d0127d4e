"""Real Prometheus and Alertmanager: where they are missing a test is skipped, but never in CI."""

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import TypeAlias

import pytest

# The same servers and databases as the integration tests.
from tests.integration.conftest import database_url, redis_databases, redis_url, servers  # noqa: F401

Tool: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]
DEADLINE_SECONDS = 120.0
INSTALL = "apt-get install prometheus prometheus-alertmanager"


def program(*names: str) -> str:
    """The first of these on the PATH."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        reason = f"{names[0]} is not installed: {INSTALL}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def tool(name: str) -> Tool:
    """Runs a program to its end and gives all it said."""
    path = program(name)

    def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [path, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=DEADLINE_SECONDS,
        )

    return run


@pytest.fixture(scope="session")
def promtool() -> Tool:
    return tool("promtool")


@pytest.fixture(scope="session")
def amtool() -> Tool:
    return tool("amtool")
