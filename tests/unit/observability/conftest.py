from typing import Any

import pytest

from observability.metrics.instruments import Registry


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def registry() -> Registry:
    return Registry()
