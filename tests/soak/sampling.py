"""One look at everything that has to stay flat."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import httpx2
import psutil
from redis.asyncio import Redis

from tests.soak.figures import (
    API,
    ENDLESS_KEYS,
    FILES,
    KEYS,
    MEMORY,
    PASSING_ROWS,
    POSTGRES,
    POSTGRES_CONNECTIONS,
    REDIS_CONNECTIONS,
    SERIES,
    SERVER_MEMORY,
    SHARED_FILES,
    SHARED_SIZE,
    THREADS,
    VALKEY,
    Figure,
    Sample,
    Subject,
)
from tests.soak.house import House
from tests.transport import NOT_KEPT, FragileTransport

KIBI, MEBI = 1024, 1024**2
_CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_ROWS = "SELECT (SELECT count(*) FROM pgqueuer) + (SELECT count(*) FROM cache_invalidations)"


class Sampler:
    """Looks at a house over connections that do not count."""

    def __init__(
        self, house: House, database: asyncpg.Connection, redis: Redis, http: httpx2.AsyncClient
    ) -> None:
        self._house, self._database, self._redis, self._http = house, database, redis, http

    async def look(self, moment: float) -> Sample:
        """All figures now; the moment is that of the sample."""
        # A scrape takes in the files of processes that have ended, as Prometheus's do.
        series = await self._series()
        values = await asyncio.to_thread(self._processes)
        return Sample(moment, {**values, **series, **await self._servers()})

    async def limit_cache(self, memory: str) -> None:
        """Let Valkey keep no more than, say, 16mb."""
        await self._redis.config_set("maxmemory", memory)

    async def is_cache_full(self) -> bool:
        """Whether Valkey had to forget something already."""
        return bool((await self._redis.info("stats"))["evicted_keys"])

    def _processes(self) -> dict[Subject, float]:
        values: dict[Subject, float] = {}
        for name, processes in self._house.processes().items():
            for process in processes:
                with suppress(psutil.Error):  # it has just ended
                    for figure, value in _seen(process).items():
                        values[figure, name] = max(value, values.get((figure, name), 0))
        values[SERVER_MEMORY, POSTGRES] = _private_memory(psutil.Process(self._house.postgres.child.pid))
        values[SERVER_MEMORY, VALKEY] = psutil.Process(self._house.valkey.child.pid).memory_info().rss / MEBI
        sizes = _sizes(self._house.shared_folder)
        values[SHARED_FILES, API] = len(sizes)
        values[SHARED_SIZE, API] = sum(sizes) / KIBI
        return values

    async def _series(self) -> dict[Subject, float]:
        urls = {API: self._house.url}
        urls |= {name: f"http://127.0.0.1:{port}" for name, port in self._house.worker_ports.items()}
        values: dict[Subject, float] = {}
        for name, url in urls.items():
            with suppress(httpx2.TransportError):  # it is being replaced
                text = (await self._http.get(f"{url}/metrics")).raise_for_status().text
                values[SERIES, name] = sum(not line.startswith("#") for line in text.splitlines())
        return values

    async def _servers(self) -> dict[Subject, float]:
        clients, keyspace = await self._redis.info("clients"), await self._redis.info("keyspace")
        keys: Mapping[str, int] = keyspace.get("db0", {"keys": 0, "expires": 0})
        return {
            (POSTGRES_CONNECTIONS, POSTGRES): await self._database.fetchval(_CONNECTIONS),
            (PASSING_ROWS, POSTGRES): await self._database.fetchval(_ROWS),
            (REDIS_CONNECTIONS, VALKEY): clients["connected_clients"] - 1,
            (KEYS, VALKEY): keys["keys"],
            (ENDLESS_KEYS, VALKEY): keys["keys"] - keys["expires"],
        }


def _seen(process: psutil.Process) -> dict[Figure, float]:
    with process.oneshot():
        return {
            MEMORY: process.memory_info().rss / MEBI,
            FILES: process.num_fds(),
            THREADS: process.num_threads(),
        }


def _private_memory(parent: psutil.Process) -> float:
    """Of all its processes: what they share would count for each of them."""
    total = 0
    for process in (parent, *parent.children(recursive=True)):
        with suppress(psutil.Error):
            total += process.memory_full_info().uss
    return total / MEBI


def _sizes(folder: Path) -> list[int]:
    sizes = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process took it in
            sizes.append(path.stat().st_size)
    return sizes


@asynccontextmanager
async def sampler(house: House) -> AsyncIterator[Sampler]:
    """One that can be used until the end of the block."""
    database = await asyncpg.connect(house.postgres.url)
    redis = Redis.from_url(house.valkey.url)
    try:
        # Each scrape on a connection of its own: whichever process takes it may be replaced meanwhile.
        async with httpx2.AsyncClient(transport=FragileTransport(limits=NOT_KEPT), timeout=60) as http:
            yield Sampler(house, database, redis, http)
    finally:
        await redis.aclose()
        await database.close()
