import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.infra.embedded.valkey import EmbeddedValkey
from service.settings import Settings

# The same servers and databases as the integration tests, but a Valkey that may be hurt.
from tests.integration.conftest import (  # noqa: F401
    anyio_backend,
    database_url,
    events,
    folder,
    postgres,
    redis_databases,
    redis_url,
    servers,
    settings,
)


class FragileValkey:
    """A Valkey of the test's own."""

    def __init__(self, folder: Path) -> None:  # noqa: F811
        self._server = EmbeddedValkey(folder, password="tests")
        self.url = self._server.url
        self.start()

    def start(self) -> None:
        self._server.spawn()
        self._server.wait()

    def kill(self) -> None:
        self._server.child.kill()

    def freeze(self) -> None:
        """From now on it takes connections and says nothing."""
        os.kill(self._server.child.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._server.child.pid, signal.SIGCONT)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[FragileValkey]:
    valkey = FragileValkey(tmp_path)
    yield valkey
    valkey.kill()


@pytest.fixture
def fragile(settings: Settings, valkey: FragileValkey) -> Settings:  # noqa: F811
    """Settings that lead to the Valkey that may be hurt."""
    return settings.model_copy(update={"redis_url": valkey.url, "redis_timeout": 0.1})
