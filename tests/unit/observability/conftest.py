from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest
import structlog

from observability import context
from observability.context import RequestRecord
from observability.metrics.registry import Registry

Events = Queue[dict[str, Any]]


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def record() -> Iterator[RequestRecord]:
    record = RequestRecord(7, "", is_sampled=True)
    token = context.enter(record)
    yield record
    context.leave(token)


@pytest.fixture
def events() -> Iterator[Events]:
    """Everything that is logged, also by other threads, as it comes."""
    lines: Events = Queue()

    def keep(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        lines.put(dict(event))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[keep])
    yield lines
    structlog.configure(**before)
