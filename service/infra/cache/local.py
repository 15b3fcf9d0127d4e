"""A small layer in front of Redis, in the memory of the process."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic

from service.infra.cache.entries import Entry

_OVERHEAD = 1024  # bytes of an entry beside its body, roughly


@dataclass(frozen=True, slots=True)
class _Slot:
    entry: Entry
    tags: tuple[str, ...]
    expires_at: float
    size: int


class LocalLayer:
    """The answers given lately, each for at most `seconds`: by so much may one be outdated at the most.

    Invalidations that are heard of, from this process at once and from others through pub/sub, empty it sooner.
    """

    def __init__(self, *, seconds: float, max_bytes: int) -> None:
        """With 0 seconds it keeps nothing."""
        self.seconds = seconds
        self._max_bytes = max_bytes
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._carriers: defaultdict[str, set[str]] = defaultdict(set)
        self._bytes = 0
        # Counts what invalidates: what was looked up before and arrives after might be outdated.
        self.generation = 0

    def get(self, key: str) -> Entry | None:
        slot = self._slots.get(key)
        if slot is None:
            return None
        if monotonic() >= slot.expires_at:
            self._drop(key)
            return None
        self._slots.move_to_end(key)
        return slot.entry

    def put(self, key: str, entry: Entry, tags: Iterable[str], *, expires_at: float, generation: int) -> None:
        """Keep an answer until `expires_at`, unless something was invalidated since `generation`."""
        if generation != self.generation or monotonic() >= expires_at:
            return
        self._drop(key)
        self._drop_expired()
        slot = _Slot(entry, tuple(tags), expires_at, len(entry.stored.body) + _OVERHEAD)
        self._slots[key] = slot
        self._bytes += slot.size
        for tag in slot.tags:
            self._carriers[tag].add(key)
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._slots)))

    def invalidate(self, tags: Iterable[str]) -> None:
        self.generation += 1
        for tag in tags:
            for key in self._carriers.pop(tag, ()):
                self._drop(key)

    def clear(self) -> None:
        self.generation += 1
        self._slots.clear()
        self._carriers.clear()
        self._bytes = 0

    def _drop_expired(self) -> None:
        """From those used longest ago up to one that still holds: what hides behind it is found `seconds` later at the most."""
        now = monotonic()
        while self._slots and now >= next(iter(self._slots.values())).expires_at:
            self._drop(next(iter(self._slots)))

    def _drop(self, key: str) -> None:
        slot = self._slots.pop(key, None)
        if slot is None:
            return
        self._bytes -= slot.size
        for tag in slot.tags:
            carriers = self._carriers.get(tag)
            if carriers is not None:
                carriers.discard(key)
                if not carriers:
                    del self._carriers[tag]
