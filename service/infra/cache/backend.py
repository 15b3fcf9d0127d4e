"""Redis as a backend of fastapi-cache2 whose entries have tags."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from fastapi_cache import Backend
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from service.infra.cache import scripts

JOURNAL_LENGTH = 100_000  # tags, some 10 MB at the most
NO_LEASE = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What Redis says about a key.

    Attributes:
        count: The number of invalidations so far, to be given back with what is computed from now on.
        life: Milliseconds that the entry has left; 0 when there is none that holds, -1 when it has no end.
        leads: Whether the lease is now the caller's.
        payload: The entry.
        tags: Of the entry, a line each.
    """

    count: int
    life: int
    leads: bool
    payload: bytes = b""
    tags: bytes = b""


class Script:
    """A script that the server knows by its digest after the first time."""

    def __init__(self, redis: Redis, text: str) -> None:
        self._redis = redis
        self._text = text
        self._digest = sha1(text.encode()).hexdigest()  # noqa: S324 (how Redis names scripts)

    async def __call__(self, keys: Collection[str], *arguments: Any) -> Any:
        try:
            return await self._redis.evalsha(self._digest, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self._redis.eval(self._text, len(keys), *keys, *arguments)


class TaggedBackend(Backend):
    """Entries that hold until they expire or one of their tags is invalidated.

    Endpoints under the decorator of fastapi-cache2 can use it as they use its own backend: their namespace is their tag.
    """

    def __init__(self, redis: Redis, *, prefix: str) -> None:
        """Every key in Redis begins with `prefix`."""
        self.redis = redis
        self.channel = f"{prefix}:invalidated:{redis.connection_pool.connection_kwargs.get('db', 0)}"
        self._prefix = prefix
        self._journal = f"{prefix}:journal"
        self._look_up = Script(redis, scripts.LOOK_UP)
        self._fill = Script(redis, scripts.FILL)
        self._release = Script(redis, scripts.RELEASE)
        self._invalidate = Script(redis, scripts.INVALIDATE)

    async def look_up(
        self, key: str, *, fresh_life: int = 0, lease: str = NO_LEASE, lease_ms: int = 0
    ) -> Found:
        """The entry, if it holds; and the lease, if the entry has less than `fresh_life` ms left and nobody has it."""
        answer = await self._look_up(self._keys(key), fresh_life, lease, lease_ms)
        count, life, leads = answer[:3]
        if not life:
            return Found(count, 0, bool(leads))
        return Found(count, life, bool(leads), tags=answer[3], payload=answer[4])

    async def fill(
        self,
        key: str,
        payload: bytes,
        tags: Iterable[str],
        *,
        life: int,
        count: int | None = None,
        lease: str = NO_LEASE,
    ) -> bool:
        """Store for `life` ms what was computed since `count`, and give the lease back.

        Returns False when one of the tags was invalidated meanwhile; then nothing is stored.
        """
        since = "" if count is None else count
        return bool(await self._fill(self._keys(key), since, life, lease, "\n".join(tags), payload))

    async def release(self, key: str, lease: str) -> None:
        """Give the lease back without an entry."""
        await self._release(self._keys(key)[2:], lease)

    async def invalidate(self, tags: Iterable[str]) -> None:
        """Let no entry with one of these tags hold any longer, and tell every process."""
        await self._invalidate((self._journal,), self.channel, JOURNAL_LENGTH, "\n".join(tags))

    async def ping(self) -> None:
        """Raise unless the server answers."""
        await self.redis.ping()

    async def get_with_ttl(self, key: str) -> tuple[int, bytes | None]:
        """What fastapi-cache2 asks for: seconds left, and the value."""
        found = await self.look_up(key)
        return (found.life // 1000, found.payload) if found.life else (0, None)

    async def get(self, key: str) -> bytes | None:
        """The value alone."""
        return (await self.get_with_ttl(key))[1]

    async def set(self, key: str, value: bytes, expire: int | None = None) -> None:
        """Store a value, tagged with its namespace, for so many seconds."""
        await self.fill(key, value, [_namespace_tag(key.rpartition(":")[0])], life=(expire or 0) * 1000)

    async def clear(self, namespace: str | None = None, key: str | None = None) -> int:
        """Forget a namespace, without looking for its keys, or one key; how many, nobody counts."""
        if namespace:
            await self.invalidate([_namespace_tag(namespace)])
        elif key:
            await self.redis.delete(self._keys(key)[0])
        return 0

    def _keys(self, key: str) -> tuple[str, str, str]:
        return f"{self._prefix}:entry:{key}", self._journal, f"{self._prefix}:lease:{key}"


def _namespace_tag(namespace: str) -> str:
    return f"namespace:{namespace}"
