"""Answers on their way between the layers of the cache."""

from dataclasses import dataclass
from time import monotonic

from observability.metrics.cache import Result
from service.infra.cache.stored import StoredResponse


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored response and, on the monotonic clock of this process, when its data was read."""

    stored: StoredResponse
    born_at: float

    @property
    def age(self) -> float:
        """In seconds."""
        return monotonic() - self.born_at


@dataclass(frozen=True, slots=True)
class Miss:
    """Nothing that could be given, and what it takes to store what is computed from now on.

    Attributes:
        key: Of the answer.
        began_at: When the look-up began, on the monotonic clock.
        generation: Of the in-process layer, then.
        result: Why there is no answer.
        count: Of the journal, then; None when Redis is away.
        lease: What keeps other processes waiting, if this one got it.
        outdated: An answer that is good enough only when no new one can be computed.
    """

    key: str
    began_at: float
    generation: int
    result: Result
    count: int | None = None
    lease: str = ""
    outdated: Entry | None = None

    @property
    def nobody_else_computes(self) -> bool:
        """As far as this process can know."""
        return self.count is None or bool(self.lease)


@dataclass(frozen=True, slots=True)
class Hit:
    """An answer that can be given; `refresh` when this process is to compute a new one behind it."""

    entry: Entry
    result: Result
    refresh: Miss | None = None
