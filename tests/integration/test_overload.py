"""A process that has more to do than it can, behind the server and the door that `python -m service api` has."""

import asyncio
import socket

import asyncpg
import httpx2
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app import create_app
from service.settings import Settings
from tests.integration.conftest import serving
from tests.integration.served import GUARDS, listening, served

REFUSED = 'http_server_request_outcomes_total{http_route="<shed>",outcome="shed"}'


async def waiting_for_locks(postgres: asyncpg.Connection) -> int:
    # Within a transaction PostgreSQL goes on to show what it showed first.
    await postgres.execute("SELECT pg_stat_clear_snapshot()")
    count: int = await postgres.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return count


@pytest.mark.parametrize("has_door", [True, False])
async def test_a_busy_process_refuses_tells_its_health_and_counts_whom_it_refused(
    settings: Settings, postgres: asyncpg.Connection, *, has_door: bool
) -> None:
    small = settings.model_copy(update={"max_served": 1, "max_waiting": 0})
    async with serving(settings) as other, served(small, has_door=has_door) as shop:
        path = f"/products/{(await other.create_product())['id']}"
        async with postgres.transaction():
            await postgres.execute("LOCK TABLE products IN ACCESS EXCLUSIVE MODE")
            patient = asyncio.create_task(shop.client.get(path))
            while not await waiting_for_locks(postgres):
                assert not patient.done()
            refused = await shop.client.get("/items/1")
            probe, metrics = await shop.client.get("/healthz"), await shop.client.get("/metrics")
        assert refused.status_code == 503
        assert refused.json()["type"] == "urn:glasshouse:problem:too-busy"
        assert refused.headers["retry-after"] == "1"
        assert set(refused.headers.items()) >= GUARDS
        assert ("x-trace-id" in refused.headers) != has_door, "the door has no traces"
        assert probe.status_code == 200
        assert f"{REFUSED} 1\n" in metrics.text
        assert (await patient).status_code == 200


def watched(app: ASGIApp, is_stuck: asyncio.Event) -> ASGIApp:
    """The application, and whether somebody does not read its answers: a server that has room for them does not wait."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            sent = asyncio.ensure_future(send(message))
            await asyncio.sleep(0)
            if not sent.done():
                is_stuck.set()
            await sent

        await app(scope, receive, sending)

    return call


async def test_a_client_that_does_not_read_takes_no_place_from_others(settings: Settings) -> None:
    small = settings.model_copy(update={"max_served": 1, "max_waiting": 0})
    is_stuck = asyncio.Event()
    async with (
        listening(watched(create_app(small), is_stuck)) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as other,
        asyncio.timeout(60),
    ):
        with socket.create_connection(("127.0.0.1", port)) as unread:
            unread.sendall(b"GET /openapi.json HTTP/1.1\r\nhost: shop\r\n\r\n" * 1_000)
            await is_stuck.wait()
            assert (await other.get("/items/1")).status_code == 404
