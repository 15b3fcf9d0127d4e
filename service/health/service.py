import asyncio
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection

from service.errors import ServiceError
from service.health.schemas import Readiness
from service.infra.database import Database
from service.infra.draining import Draining

OK = "ok"


class HealthService:
    """Asks the dependencies how they are."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        pending_migrations: Callable[[Connection], list[str]],
        draining: Draining,
    ) -> None:
        self._database = database
        self._redis = redis
        self._pending_migrations = pending_migrations
        self._draining = draining

    async def readiness(self) -> Readiness:
        (database, migrations), redis = await asyncio.gather(self._check_database(), self._check_redis())
        checks = {"database": database, "migrations": migrations, "redis": redis}
        if self._draining.has_begun:
            checks["process"] = "is about to end"
        if self._draining.has_begun or not database == migrations == OK:
            return Readiness(status="unavailable", checks=checks)
        return Readiness(status="ready" if redis == OK else "degraded", checks=checks)

    async def _check_database(self) -> tuple[str, str]:
        try:
            pending = await self._database.read(self._pending_migrations)
        except ServiceError as error:
            return error.detail, "unknown"
        return OK, f"pending: {', '.join(pending)}" if pending else OK

    async def _check_redis(self) -> str:
        try:
            await self._redis.ping()
        except (RedisError, OSError):
            return "Redis does not answer"
        return OK
