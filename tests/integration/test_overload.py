"""A process that has more to do than it can, behind the server and the door that `python -m service api` has."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx2
import uvicorn

from service.app import create_app
from service.infra.front_door import FrontDoor
from service.settings import Settings
from tests.integration.conftest import serving
from tests.unit.observability.server import until

REFUSED = 'http_server_request_outcomes_total{http_route="<shed>",outcome="shed"}'


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    config = uvicorn.Config(create_app(settings), port=0, http=FrontDoor, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    ((_, port),) = [listener.getsockname() for listener in server.servers[0].sockets]
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        await running


async def waiting_for_locks(postgres: asyncpg.Connection) -> int:
    # Within a transaction PostgreSQL goes on to show what it showed first.
    await postgres.execute("SELECT pg_stat_clear_snapshot()")
    count: int = await postgres.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return count


async def test_a_busy_process_refuses_tells_its_health_and_counts_whom_it_refused(
    settings: Settings, postgres: asyncpg.Connection
) -> None:
    small = settings.model_copy(update={"max_served": 1, "max_waiting": 0})
    async with serving(settings) as other, served(small) as client:
        path = f"/products/{(await other.create_product())['id']}"
        async with postgres.transaction():
            await postgres.execute("LOCK TABLE products IN ACCESS EXCLUSIVE MODE")
            patient = asyncio.create_task(client.get(path))
            while not await waiting_for_locks(postgres):
                assert not patient.done()
            refused = await client.get("/items/1")
            probe, metrics = await client.get("/healthz"), await client.get("/metrics")
        assert refused.status_code == 503
        assert refused.json()["type"] == "urn:glasshouse:problem:too-busy"
        assert refused.headers["retry-after"] == "1"
        assert probe.status_code == 200
        assert f"{REFUSED} 1\n" in metrics.text
        assert (await patient).status_code == 200
