"""With several test processes, the one that starts them also starts the servers that they share."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import settings
from starlette.background import BackgroundTask

from tests.servers import Servers, running_servers

# The same examples on every run, however loaded the machine is.
settings.register_profile("glasshouse", derandomize=True, deadline=None, print_blob=False)
settings.load_profile("glasshouse")

STACK = pytest.StashKey[ExitStack]()
SERVERS = pytest.StashKey[Servers]()


def pytest_configure_node(node: Any) -> None:
    config: pytest.Config = node.config
    if SERVERS not in config.stash:
        config.stash[STACK] = ExitStack()
        config.stash[SERVERS] = config.stash[STACK].enter_context(running_servers())
    node.workerinput["servers"] = asdict(config.stash[SERVERS])


def pytest_unconfigure(config: pytest.Config) -> None:
    if STACK in config.stash:
        config.stash[STACK].close()


@pytest.fixture(autouse=True)
def background_tasks() -> Iterator[None]:
    """As they were: OpenTelemetry's instrumentation of one application replaces them for the whole process."""
    before = BackgroundTask.__call__
    yield
    if hasattr(BackgroundTask, "_otel_original_call"):
        del BackgroundTask._otel_original_call
        BackgroundTask.__call__ = before  # type: ignore[method-assign]
