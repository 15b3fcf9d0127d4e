"""A service of several processes, for tests that kill them."""

import asyncio
import os
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from service.infra.embedded.child import Child
from service.infra.embedded.ports import answers, free_port
from service.infra.embedded.postgres import EmbeddedPostgres
from service.migrations.run import upgrade
from service.settings import DatabaseSettings
from tests.integration.conftest import SECRET

PROCESSES = ("API", "worker", "PostgreSQL")

# For a longer run: so many acknowledged writes, with deaths at random in between, the same for the same seed.
WRITES = int(os.environ.get("FAULT_WRITES", "0"))
SEED = int(os.environ.get("FAULT_SEED", "1"))
MOST_WRITES_BETWEEN = 40


def deaths(names: Sequence[str], *, after: int) -> Iterator[tuple[int, str]]:
    """Who dies, after how many more writes: the names one by one, unless a longer run is asked for."""
    if not WRITES:
        yield from ((after, name) for name in names)
        return
    chance, left = random.Random(SEED), WRITES
    while left > 0:
        writes = min(left, chance.randint(1, MOST_WRITES_BETWEEN))
        left -= writes
        yield writes, chance.choice(PROCESSES)


def show(**figures: object) -> None:
    """What a run came to: `pytest -s` shows it."""
    print(", ".join(f"{name.replace('_', ' ')}: {figure}" for name, figure in figures.items()))  # noqa: T201


class House:
    """The processes of a service, each of which can be killed and comes back."""

    def __init__(self, folder: Path, redis_url: str, **environment: str) -> None:
        self.postgres = EmbeddedPostgres(folder, password="tests")
        self.port = free_port()
        self._environment = {
            **os.environ,
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": redis_url,
            "TOKEN_SECRET": SECRET,
            "PORT": str(self.port),
            "WORKER_METRICS_PORT": str(free_port()),
            "JOB_LEASE_SECONDS": "3",
            "REGISTER_RATE_LIMIT": "100000/minute",
            **environment,
        }
        self._commands = {"API": ("api", "--unchecked"), "worker": ("worker", "--wait")}
        self._children = {
            name: Child(name, log=folder / f"{name}.log", pid_file=folder / f"{name}.pid")
            for name in self._commands
        }

    async def start(self) -> None:
        self.postgres.spawn()
        self.postgres.wait()
        await upgrade(DatabaseSettings(database_url=self.postgres.url).database_url)
        for name in self._commands:
            self._spawn(name)
        await asyncio.to_thread(self._children["API"].wait_until, self._is_ready, seconds=60)

    async def kill(self, name: str) -> None:
        """End it at once, and start it again."""
        if name == "PostgreSQL":
            self.postgres.child.kill()
            self.postgres.spawn()
            await asyncio.to_thread(self.postgres.wait)
        else:
            self._children[name].kill()
            self._spawn(name)

    def stop(self) -> None:
        for child in (*self._children.values(), self.postgres.child):
            child.stop()

    def _spawn(self, name: str) -> None:
        command = [sys.executable, "-m", "service", *self._commands[name]]
        self._children[name].spawn(command, env=self._environment)

    def _is_ready(self) -> bool:
        return answers(self.port, b"GET /readyz HTTP/1.0\r\n\r\n", b"HTTP/1.1 200")
