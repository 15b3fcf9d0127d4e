"""SIGTERM, in its order: not ready, requests answered, spans sent, connections closed; and no step waits for ever."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import httpx2
import pytest

from service.infra.embedded.ports import free_port
from service.infra.tokens import Scope, Tokens
from service.settings import Settings
from tests.connections import Witness, until_closed
from tests.instances import PATIENT, Instance, until
from tests.integration.conftest import SECRET
from tests.locks import until_blocked
from tests.otlp import Collector, Span, running_collector

PRODUCT = {"name": "Oak board", "description": "A board.", "category": "kitchen", "price": "24.90"}
Start = Callable[..., Instance]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


@pytest.fixture
def start(settings: Settings, tmp_path: Path, collector: Collector) -> Iterator[Start]:
    """An API whose every request is traced, and whose spans wait for its end."""
    with ExitStack() as processes:

        def start(**more: str) -> Instance:
            environment = {
                "DATABASE_URL": settings.database_url,
                "REDIS_URL": settings.redis_url,
                "TOKEN_SECRET": SECRET,
                "PORT": str(port := free_port()),
                **collector.environment,
                **PATIENT,
            }
            api = Instance(tmp_path, "api", "--unchecked", port=port, settings=environment | more)
            processes.callback(api.kill)
            return api

        yield start


async def test_requests_of_before_and_during_the_end_are_answered_and_their_spans_sent_before_connections_close(
    start: Start, collector: Collector, postgres: asyncpg.Connection, database_url: str
) -> None:
    witness = Witness(database_url)
    collector.on_arrival = witness.look
    api = start(DRAIN_SECONDS="300")
    await until(api.is_ready)
    headers = {"Authorization": f"Bearer {Tokens(SECRET, lifetime=900).issue(1, [Scope.CATALOGUE_WRITE])}"}
    async with httpx2.AsyncClient(base_url=api.base, timeout=120, headers=headers) as client:
        before = await client.post("/products", json=PRODUCT)
        path = before.headers["location"]
        async with postgres.transaction():
            await postgres.execute("SELECT FROM products FOR UPDATE")
            held = asyncio.create_task(client.patch(path, json={"price": "1"}))
            await until_blocked(postgres)
            api.signal(signal.SIGTERM)
            await until(lambda: api.get("/readyz").status_code == 503)
            during = await client.get(path)
            api.signal(signal.SIGTERM)
            await until(lambda: not api.listens())
            assert collector.spans == []
        answers = [before, during, await held]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert await asyncio.to_thread(api.wait) == -signal.SIGTERM
    assert api.errors == ""
    for answer in answers:
        trace = collector.trace(answer.headers["x-trace-id"])
        assert {Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT} <= {each.span.kind for each in trace}
    assert witness.answers
    assert all(connections for (connections,) in witness.answers)
    await until_closed(postgres)


async def test_a_collector_that_does_not_answer_holds_up_the_end_for_its_bound_alone(
    start: Start, collector: Collector, postgres: asyncpg.Connection
) -> None:
    collector.answers.clear()
    api = start()
    await until(api.is_ready)
    api.signal(signal.SIGTERM)
    assert await asyncio.to_thread(api.wait) == -signal.SIGTERM
    # It has waited in vain, and not until there was an answer.
    assert collector.spans == []
    assert '"event": "telemetry_flush_given_up"' in api.errors
    await until_closed(postgres)
