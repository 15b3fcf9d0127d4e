"""What a cached endpoint promises about its answers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Scope = Literal["public", "private"]
Arguments = Mapping[str, Any]


def _no_tags(_arguments: Arguments, _result: Any) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Policy:
    """How long answers are good, for whom, and what they depend on; times in seconds.

    Attributes:
        name: Of the cache, in keys and metrics.
        expire: How long an answer is fresh.
        stale: How long after that it is still given while a new one is computed behind it.
        stale_if_error: How long after `expire` it is given when a new one cannot be computed.
        scope: Whether everybody gets the same answer or each principal their own.
        principal: Of private answers, whose they are; given the arguments of the endpoint.
        tags: What an answer depends on, given the arguments and the result of the endpoint. A tag begins with
            the name of the cache and a colon.
        vary: Request headers that choose between answers, in small letters.
        before_dependencies: Whether a stored answer may be given before the dependencies of the route run, as any
            HTTP cache on the way would do with a public answer.
    """

    name: str
    expire: int
    stale: int = 0
    stale_if_error: int = 0
    scope: Scope = "public"
    principal: Callable[[Arguments], str] | None = None
    tags: Callable[[Arguments, Any], Iterable[str]] = _no_tags
    vary: tuple[str, ...] = ()
    before_dependencies: bool = False
    cache_control: str = field(init=False)

    def __post_init__(self) -> None:
        """Refuse what would give answers to the wrong people."""
        if (self.scope == "private") != (self.principal is not None):
            msg = f"{self.name}: private answers, and only they, need a `principal`"
            raise ValueError(msg)
        if self.scope == "private" and self.before_dependencies:
            msg = f"{self.name}: whose private answer it is, only the dependencies know"
            raise ValueError(msg)
        object.__setattr__(self, "cache_control", self._cache_control())

    @property
    def grace(self) -> int:
        """How long an answer is kept after it expired."""
        return max(self.stale, self.stale_if_error)

    @property
    def varies_by(self) -> frozenset[str]:
        """The request headers that an answer depends on."""
        return frozenset((*self.vary, "authorization") if self.scope == "private" else self.vary)

    def _cache_control(self) -> str:
        directives = [self.scope, f"max-age={self.expire}"]
        if self.stale:
            directives.append(f"stale-while-revalidate={self.stale}")
        if self.stale_if_error:
            directives.append(f"stale-if-error={self.stale_if_error}")
        return ", ".join(directives)
