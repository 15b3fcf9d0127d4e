"""The layer that all processes share: responses in Redis, for as long as Redis answers in time."""

from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic

from service.infra.cache.backend import NO_LEASE, TaggedBackend
from service.infra.cache.breaker import RedisBreaker
from service.infra.cache.entries import Entry, Miss
from service.infra.cache.policy import Policy
from service.infra.cache.stored import ResponseCoder, StoredResponse

# How long others wait for the one that computes before they compute as well.
LEASE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """What Redis had under a key.

    Attributes:
        count: Of the journal.
        lease: The one that was asked for, if it was given.
        entry: The entry that holds.
        packed_tags: Of the entry, a line each.
    """

    count: int
    lease: str
    entry: Entry | None = None
    packed_tags: bytes = b""

    @property
    def tags(self) -> list[str]:
        """Of the entry."""
        return self.packed_tags.decode().split("\n") if self.packed_tags else []


class SharedLayer:
    """Every method raises `breaker.Away` when Redis cannot be used."""

    def __init__(self, backend: TaggedBackend, breaker: RedisBreaker) -> None:
        self._backend = backend
        self._breaker = breaker

    async def look_up(self, policy: Policy, key: str, lease: str) -> Sighting:
        """The entry that holds, and the lease if that entry is not fresh and nobody has it."""
        asked_at = monotonic()
        found = await self._breaker.call(
            lambda: self._backend.look_up(
                key, fresh_life=policy.grace * 1000, lease=lease, lease_ms=int(LEASE_SECONDS * 1000)
            )
        )
        given = lease if found.leads else NO_LEASE
        if not found.life:
            return Sighting(found.count, given)
        age = policy.expire + policy.grace - found.life / 1000
        entry = Entry(ResponseCoder.decode(found.payload), asked_at - age)
        return Sighting(found.count, given, entry, found.tags)

    async def fill(self, policy: Policy, miss: Miss, stored: StoredResponse, tags: Iterable[str]) -> bool:
        """Store what was computed since the miss; False when it is outdated already."""
        life = policy.expire + policy.grace - (monotonic() - miss.began_at)
        if life <= 0:
            return False
        return await self._breaker.call(
            lambda: self._backend.fill(
                miss.key,
                ResponseCoder.encode(stored),
                tags,
                life=max(int(life * 1000), 1),
                count=miss.count,
                lease=miss.lease,
            )
        )

    async def release(self, miss: Miss) -> None:
        """Let others compute."""
        await self._breaker.call(lambda: self._backend.release(miss.key, miss.lease))

    async def invalidate(self, tags: Iterable[str]) -> None:
        """Let no answer with one of these tags be given any more."""
        await self._breaker.call(lambda: self._backend.invalidate(tags))
