from collections.abc import Iterator
from typing import Any

import pytest

from observability import context
from observability.context import RequestRecord
from observability.metrics.registry import Registry


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def record() -> Iterator[RequestRecord]:
    record = context.Sampler(1).start([])
    token = context.enter(record)
    yield record
    context.leave(token)
