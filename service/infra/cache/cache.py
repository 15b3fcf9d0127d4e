"""The cache of responses: memory, then Redis, then one computation for all who ask."""

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from time import monotonic

from starlette.requests import Request

from observability.clients.caches import CacheRecorder
from service.errors import Unavailable
from service.infra.cache.breaker import Away
from service.infra.cache.entries import Entry, Hit, Miss
from service.infra.cache.flights import Flight, Landing
from service.infra.cache.local import LocalLayer
from service.infra.cache.looks import SharedLooks
from service.infra.cache.policy import Policy
from service.infra.cache.shared import LEASE_SECONDS, SharedLayer
from service.infra.cache.stored import StoredResponse
from service.infra.tasks import Tasks

# While another process computes it is asked again after a tenth of the time already waited: no more than a tenth is lost.
_POLL_SHARE, _MIN_POLL_SECONDS = 0.1, 0.005


@dataclass(frozen=True, slots=True)
class Turn:
    """The duty to compute an answer: `fill` or `give_up` must follow."""

    miss: Miss
    flight: Flight | None = None


class ResponseCache:
    """Finds answers and keeps new ones. Nothing here fails because Redis does."""

    def __init__(
        self,
        shared: SharedLayer,
        local: LocalLayer,
        tasks: Tasks,
        *,
        recorder: Callable[[str], CacheRecorder],
        trusts: Callable[[Request], bool],
    ) -> None:
        """`recorder` gives what records the cache of a name; `trusts` says whose wish to go past it is granted."""
        self._shared = shared
        self._local = local
        self._recorder = recorder
        self.do_behind = tasks.start
        self.trusts = trusts
        self._recorders: dict[str, CacheRecorder] = {}
        self._looks = SharedLooks()
        self._flights: dict[str, Flight] = {}
        self._name, self._leases = secrets.token_hex(8), count()

    def recorder(self, name: str) -> CacheRecorder:
        """What records the cache of this name."""
        if name not in self._recorders:
            self._recorders[name] = self._recorder(name)
        return self._recorders[name]

    def show_breaker(self, is_open: bool) -> None:  # noqa: FBT001 (a state, told by the breaker)
        """Record the state of the breaker, which all caches share."""
        for recorder in self._recorders.values():
            if is_open:
                recorder.breaker_opened()
            else:
                recorder.breaker_closed()

    async def look_up(self, policy: Policy, key: str) -> Hit | Turn:
        """An answer, or the turn to compute it."""
        entry = self._local.get(key)
        return Hit(entry, "hit") if entry is not None else await self._look_further(policy, key)

    async def take_turn(self, policy: Policy, key: str) -> Turn:
        """The turn to compute an answer whatever there is; nobody waits for it."""
        began_at, generation = monotonic(), self._local.generation
        try:
            sighting = await self._shared.look_up(policy, key, "")
        except Away as away:
            return Turn(_while_away(key, began_at, generation, away))
        return Turn(Miss(key, began_at, generation, "bypass", sighting.count))

    async def fill(self, policy: Policy, turn: Turn, stored: StoredResponse, tags: Collection[str]) -> Entry:
        """Keep what was computed, for this and other processes, unless it is outdated already."""
        miss, as_of = turn.miss, monotonic()
        entry = Entry(stored, miss.began_at)
        self.recorder(policy.name).filled(as_of - miss.began_at)
        try:
            holds = miss.count is not None and await self._shared.fill(policy, miss, stored, tags)
        except Away:
            holds = False
        if miss.count is None:
            # Nobody knows what other processes have changed since: as good as an answer in memory.
            holds, as_of = miss.generation == self._local.generation, miss.began_at
        if holds:
            self._keep(policy, miss.key, entry, tags, as_of=as_of, generation=miss.generation)
        if turn.flight is not None:
            tolerance = self._local.seconds if miss.count is None else 0.0
            turn.flight.land(Landing(entry, as_of + tolerance) if holds else Landing())
        return entry

    async def give_up(self, turn: Turn, error: BaseException | None = None) -> None:
        """There will be no answer to keep."""
        if turn.flight is not None:
            turn.flight.land(Landing(has_failed=True, is_unavailable=isinstance(error, Unavailable)))
        if turn.miss.lease:
            with suppress(Away):
                await self._shared.release(turn.miss)

    async def invalidate(self, tags: Collection[str]) -> bool:
        """Let answers with these tags be given no more, in any process; False when Redis did not hear it."""
        try:
            await self._shared.invalidate(tags)
        except Away:
            return False
        finally:
            # After Redis: what is looked up from here on is right, and what is still on its way is refused.
            self._local.invalidate(tags)
            self._count_invalidation(tags)
        return True

    def _count_invalidation(self, tags: Collection[str]) -> None:
        for name in {tag.partition(":")[0] for tag in tags}:
            if name in self._recorders:
                self._recorders[name].invalidated()

    async def _look_further(self, policy: Policy, key: str) -> Hit | Turn:
        asked_at = monotonic()
        deadline = asked_at + LEASE_SECONDS
        while True:
            found = await self._looks.look(key, lambda: self._seek(policy, key))
            if isinstance(found, Hit):
                return found
            flight = self._flights.get(key)
            if flight is None:
                flight = Flight(self._flights, key)
                if found.nobody_else_computes:
                    return Turn(found, flight)
                return await self._follow(policy, Turn(found, flight), deadline)
            if found.lease:
                return Turn(found)
            landing = await flight.wait(deadline - monotonic())
            if landing is None or landing.has_failed:
                return self._without(found, landing)
            if landing.entry is not None and landing.as_of >= asked_at:
                self.recorder(policy.name).coalesced(monotonic() - asked_at)
                return Hit(landing.entry, "miss")

    def _without(self, miss: Miss, landing: Landing | None) -> Hit | Turn:
        """Nobody computed it for us."""
        if miss.outdated is not None and landing is not None and landing.is_unavailable:
            return Hit(miss.outdated, "stale")
        return Turn(miss)

    async def _follow(self, policy: Policy, turn: Turn, deadline: float) -> Hit | Turn:
        """Another process computes: ask until it has, or until the turn is ours."""
        began_at = monotonic()
        flight = turn.flight or Flight(self._flights, turn.miss.key)
        try:
            while True:
                await asyncio.sleep(max(_MIN_POLL_SECONDS, _POLL_SHARE * (monotonic() - began_at)))
                as_of = monotonic()
                found = await self._seek(policy, turn.miss.key)
                if isinstance(found, Hit):
                    flight.land(Landing(found.entry, as_of))
                    self.recorder(policy.name).coalesced(monotonic() - began_at)
                    return replace(found, result="miss")
                if found.nobody_else_computes or monotonic() >= deadline:
                    return Turn(found, flight)
        except BaseException:
            flight.land(Landing(has_failed=True))
            raise

    async def _seek(self, policy: Policy, key: str) -> Hit | Miss:
        began_at, generation = monotonic(), self._local.generation
        try:
            sighting = await self._shared.look_up(policy, key, self._new_lease())
        except Away as away:
            return _while_away(key, began_at, generation, away)
        entry = sighting.entry
        if entry is not None and entry.age < policy.expire:
            self._keep(policy, key, entry, sighting.tags, as_of=began_at, generation=generation)
            return Hit(entry, "hit")
        miss = Miss(key, began_at, generation, "miss", sighting.count, sighting.lease, entry)
        if entry is not None and entry.age < policy.expire + policy.stale:
            return Hit(entry, "stale", refresh=miss if miss.lease else None)
        return miss

    def _keep(
        self,
        policy: Policy,
        key: str,
        entry: Entry,
        tags: Iterable[str],
        *,
        as_of: float,
        generation: int,
    ) -> None:
        if self._local.seconds:
            expires_at = min(as_of + self._local.seconds, entry.born_at + policy.expire)
            self._local.put(key, entry, tags, expires_at=expires_at, generation=generation)

    def _new_lease(self) -> str:
        return f"{self._name}:{next(self._leases)}"


def _while_away(key: str, began_at: float, generation: int, away: Away) -> Miss:
    return Miss(key, began_at, generation, "error" if away.is_news else "bypass")
