from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest
import structlog

Events = Queue[dict[str, Any]]


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
