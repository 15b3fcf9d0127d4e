"""One request of a cached endpoint, from the look-up to what is stored."""

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from fastapi import Request, Response

from observability.metrics.cache import Result
from service.errors import Unavailable
from service.infra.cache.cache import ResponseCache, Turn
from service.infra.cache.conditions import Conditions, conditions
from service.infra.cache.entries import Entry, Miss
from service.infra.cache.keys import is_too_long, response_key, with_principal, with_variants
from service.infra.cache.policy import Arguments, Policy
from service.infra.cache.stored import StoredAnswer, storable


@dataclass(frozen=True, slots=True)
class Place:
    """Where the answers of an endpoint are kept.

    Attributes:
        policy: What the endpoint promises.
        endpoint: It.
        namespace: Begins its keys; another one for every form that its answers can have.
    """

    policy: Policy
    endpoint: Callable[..., Any]
    namespace: str

    def key(self, request: Request, arguments: Arguments) -> str:
        """What nothing but the same question of somebody with the same right to the answer has."""
        key = response_key(self.endpoint, self.namespace, request=request)
        if self.policy.vary:
            key = with_variants(key, (request.headers.get(name) for name in self.policy.vary))
        if self.policy.principal is not None:
            key = with_principal(key, self.policy.principal(arguments))
        return key


class Visit:
    """Knows what was found, and what is owed to those who wait."""

    def __init__(
        self,
        cache: ResponseCache,
        place: Place,
        request: Request,
        refresh: Callable[[Request, Miss], Coroutine[Any, Any, None]],
        turn: Turn | None = None,
    ) -> None:
        """`refresh` computes a new answer behind an old one; with a `turn`, this visit is to compute one."""
        self._cache = cache
        self._place = place
        self._policy = place.policy
        self._request = request
        self._refresh = refresh
        self._turn = turn
        self._conditions = Conditions()
        self._tags: tuple[str, ...] = ()
        self._look: tuple[float, float] | None = None
        self.is_decided = turn is not None
        self.is_answered = False

    async def look_up(self, arguments: Arguments) -> Response | None:
        """An answer; or None, and then it is this visit's turn to compute one."""
        self.is_decided = True
        self._conditions = conditions(self._request.scope)
        if is_too_long(self._request) or self._may_skip(self._conditions.wants_nothing_stored):
            return None
        key = self._place.key(self._request, arguments)
        if self._may_skip(self._conditions.wants_new):
            self._turn = await self._cache.take_turn(self._policy, key)
            return None
        began_at = perf_counter()
        found = await self._cache.look_up(self._policy, key)
        self._look = (began_at, perf_counter())
        if isinstance(found, Turn):
            self._turn = found
            return None
        if found.refresh is not None:
            self._cache.do_behind(self._refresh(self._request, found.refresh))
        self.is_answered = True
        return self._answer(found.entry, found.result)

    def depends_on(self, tags: Iterable[str]) -> None:
        """What is computed is outdated as soon as one of these is."""
        self._tags = tuple(tags)

    async def complete(self, response: Response) -> Response:
        """Store what was computed, and dress it as what was stored would be."""
        if self.is_answered:
            return response
        if self._turn is None:
            self._looked_up("bypass")
            return response
        self._looked_up(self._turn.miss.result)
        stored = storable(response, self._policy)
        if stored is None:
            await self._cache.give_up(self._turn)
            return response
        entry = await self._cache.fill(self._policy, self._turn, stored, self._tags)
        answer = self._answer_with(entry, self._turn.miss.result)
        answer.background = response.background
        return answer

    async def fail(self, error: BaseException) -> Response | None:
        """The answer to give although none could be computed, if there is one."""
        if self._turn is None:
            self._looked_up("bypass")
            return None
        await self._cache.give_up(self._turn, error)
        outdated = self._turn.miss.outdated
        if outdated is not None and isinstance(error, Unavailable):
            return self._answer(outdated, "stale")
        self._looked_up(self._turn.miss.result)
        return None

    def _may_skip(self, is_asked_for: bool) -> bool:  # noqa: FBT001
        return is_asked_for and self._cache.trusts(self._request)

    def _answer(self, entry: Entry, result: Result) -> StoredAnswer:
        self._looked_up(result)
        return self._answer_with(entry, result)

    def _answer_with(self, entry: Entry, result: Result) -> StoredAnswer:
        return StoredAnswer(
            entry.stored, age=entry.age, result=result, if_none_match=self._conditions.if_none_match
        )

    def _looked_up(self, result: Result) -> None:
        self._cache.recorder(self._policy.name).looked_up(result, self._look)
