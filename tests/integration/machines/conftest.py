"""The service for state machines, whose steps are plain functions: two processes, on an event loop of their own."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any, Self, TypeVar, cast

import asyncpg
import httpx2
import pytest
import uvloop
from hypothesis import Phase
from hypothesis import settings as bounded
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from redis.asyncio import Redis

from service.settings import Settings
from tests.integration.cache.conftest import PATIENT
from tests.integration.conftest import Api, serving

log = logging.getLogger(__name__)

T = TypeVar("T")
BOUNDS = bounded(stateful_step_count=30, phases=(Phase.generate, Phase.shrink))


class World:
    """Two processes of the service, what was asked of them, and a way past them."""

    def __init__(self, settings: Settings) -> None:
        self.statuses: Counter[int] = Counter()
        self.looks: Counter[str] = Counter()
        self.histories = 0
        self.apis: list[Api] = []
        self._settings = settings
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._stack = AsyncExitStack()

    def __enter__(self) -> Self:
        self.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stack.aclose())
        self._runner.close()

    def begin(self) -> int:
        """The number of a new history: what it makes can be told from what others made."""
        self.histories += 1
        return self.histories

    def explore(self, machine: Callable[[], RuleBasedStateMachine], *, histories: int) -> None:
        """Let these machines try what comes to their mind; pytest shows how much with `--log-cli-level=INFO`."""
        machines = cast("type[RuleBasedStateMachine]", machine)
        run_state_machine_as_test(machines, settings=bounded(BOUNDS, max_examples=histories))
        statuses = sorted(self.statuses.items())
        answers = ", ".join(f"{count} x {status}" for status, count in statuses)
        log.info("%d histories, %d requests: %s", self.histories, self.statuses.total(), answers)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def ask(self, process: int, method: str, path: str, **request: Any) -> httpx2.Response:
        return self.run(self.asking(process, method, path, **request))

    def ask_at_once(self, method: str, path: str, requests: list[dict[str, Any]]) -> list[httpx2.Response]:
        """All of these, of the two processes in turn."""

        async def ask() -> list[httpx2.Response]:
            asking = (self.asking(i % 2, method, path, **request) for i, request in enumerate(requests))
            return await asyncio.gather(*asking)

        return self.run(ask())

    async def asking(self, process: int, method: str, path: str, **request: Any) -> httpx2.Response:
        answer = await self.apis[process].client.request(method, path, **request)
        self.statuses[answer.status_code] += 1
        self.looks[answer.headers.get("x-cache", "")] += 1
        assert answer.status_code < 500, answer.text
        return answer

    def execute(self, statement: str, *arguments: object) -> None:
        """Change the database past the service."""
        self.run(self._postgres.execute(statement, *arguments))

    def forget(self, *keys: str) -> None:
        """Take these keys out of Valkey, or all."""

        async def forget() -> None:
            await (self._redis.delete(*keys) if keys else self._redis.flushdb())

        self.run(forget())

    async def _start(self) -> None:
        chosen = self._settings.model_copy(update=PATIENT)
        self.apis = [await self._stack.enter_async_context(serving(chosen)) for _ in range(2)]
        self._postgres = await asyncpg.connect(chosen.database_url.replace("+asyncpg", ""))
        self._stack.push_async_callback(self._postgres.close)
        self._redis = Redis.from_url(chosen.redis_url)
        self._stack.push_async_callback(self._redis.aclose)


@pytest.fixture(scope="module")
def world(settings: Settings) -> Iterator[World]:
    with World(settings) as world:
        yield world
