import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import structlog
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from starlette.types import Message

from service.app import create_app
from service.infra.tokens import Scope
from service.settings import Settings
from tests.servers import VALKEY_DATABASES, Servers, running_servers

SECRET = "f3b1c2d4e5a69788796a5b4c3d2e1f0092847566a1b0c9d8e7f60514233241ff"
ALL_SCOPES = tuple(Scope)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="module", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Argon2 with the least work: its full cost is a test of its own."""
    cheap = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(PasswordHash, "recommended", lambda: cheap)
        yield


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    shared = getattr(request.config, "workerinput", {}).get("servers")
    if shared:
        yield Servers(**shared)
        return
    with running_servers() as ours:
        yield ours


@pytest.fixture(scope="session")
def redis_databases(worker_id: str) -> Iterator[int]:
    """Numbers of Valkey databases that no other test process uses."""
    process = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    return iter(range(1 + process * 100, min((process + 1) * 100, VALKEY_DATABASES)))


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def database_url(servers: Servers) -> Iterator[str]:
    """A migrated, empty database of the module's own."""
    with new_database(servers, template="template1") as url:
        yield url


@pytest.fixture
def empty_database_url(servers: Servers) -> Iterator[str]:
    """A database without a schema."""
    with new_database(servers, template="template0") as url:
        yield url


@pytest.fixture(scope="module")
def redis_url(servers: Servers, redis_databases: Iterator[int]) -> str:
    return f"{servers.redis_url}/{next(redis_databases)}"


@pytest.fixture(scope="module")
def settings(database_url: str, redis_url: str) -> Settings:
    """Patient enough for a machine that is busy with other things."""
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        token_secret=SECRET,
        pool_timeout=60,
        connect_timeout=60,
        statement_timeout=60,
        redis_timeout=60,
        max_wait=60,
        upload_timeout=60,
        request_timeout=60,
        register_rate_limit="100000/minute",
        token_rate_limit="100000/minute",
        token_address_rate_limit="100000/minute",
    )


@dataclass(frozen=True, slots=True)
class Api:
    """The service as its clients see it."""

    app: FastAPI
    client: httpx2.AsyncClient

    def headers(self, *scopes: str, user_id: int = 1) -> dict[str, str]:
        """Of a caller with these scopes."""
        return {"Authorization": f"Bearer {self.app.state.tokens.issue(user_id, scopes)}"}

    def as_writer(self, **headers: str) -> dict[str, str]:
        """Headers of a caller who may do everything, and these."""
        return {**self.headers(*ALL_SCOPES), **headers}

    async def pages(self, path: str, **query: Any) -> AsyncIterator[list[dict[str, Any]]]:
        """What the pages of a list hold, from the first to the last."""
        while True:
            answer = await self.client.get(path, params=query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            yield page[path.removeprefix("/")]
            if page["next_cursor"] is None:
                return
            assert page["next_cursor"] != query.get("cursor"), "the walk does not get on"
            query["cursor"] = page["next_cursor"]

    async def create_product(self, **fields: Any) -> dict[str, Any]:
        product = {"name": "Oak board", "description": "A board.", "category": "kitchen", "price": "24.90"}
        answer = await self.client.post(
            "/products", json={**product, **fields}, headers=self.headers(Scope.CATALOGUE_WRITE)
        )
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    async def create_item(self, product_id: int, **fields: Any) -> dict[str, Any]:
        item = {
            "product_id": product_id,
            "sku": uuid.uuid4().hex.upper(),
            "warehouse": "AMS-1",
            "quantity": 10,
        }
        answer = await self.client.post(
            "/items", json={**item, **fields}, headers=self.headers(Scope.STOCK_WRITE)
        )
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Api]:
    """The service with these settings, from its start to its end."""
    app = create_app(settings)
    async with running(app), client_of(app) as client:
        yield Api(app, client)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Starts and stops the application as a server does."""
    to_app, from_app = asyncio.Queue[Message](), asyncio.Queue[Message]()
    lifespan = asyncio.create_task(app({"type": "lifespan", "state": {}}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
        await lifespan


def client_of(app: FastAPI, *, address: str = "127.0.0.1") -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture(scope="module")
async def api(settings: Settings) -> AsyncIterator[Api]:
    async with serving(settings) as api:
        yield api


@pytest.fixture
async def postgres(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Into the module's database, past the service."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def events() -> Iterator[list[structlog.typing.EventDict]]:
    """What is logged, as it is."""
    with structlog.testing.capture_logs() as events:
        yield events


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder until the end of the block that PostgreSQL can enter even when the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="glasshouse-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def new_database(servers: Servers, *, template: str) -> Iterator[str]:
    """A database until the end of the block: `template1` is migrated, `template0` is empty."""
    name = f"test_{uuid.uuid4().hex}"
    asyncio.run(execute(servers.admin_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield servers.admin_url.rpartition("/")[0] + f"/{name}"
    asyncio.run(execute(servers.admin_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
