"""What clients did, and what they were told."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic

# Seconds for the last consequence of a fault: a dead connection that is used, a process that starts.
AFTERMATH = 15.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and what came of it: status 0 is no answer at all."""

    operation: str
    began_at: float
    ended_at: float
    status: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader was told about something that only grows."""

    what: str
    began_at: float
    revision: int


@dataclass(frozen=True, slots=True)
class Window:
    """When somebody was hurt."""

    target: str
    began_at: float
    ended_at: float


@dataclass
class Growth:
    """When each revision of things that only grow was acknowledged, and what was read when."""

    acknowledged: defaultdict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    reads: list[Read] = field(default_factory=list)

    def acknowledge(self, what: str, revision: int) -> None:
        self.acknowledged[what].append((monotonic(), revision))

    def too_old(self, bound: float) -> list[Read]:
        """Reads of less than what was acknowledged `bound` seconds before they began."""
        return [read for read in self.reads if read.revision < self._known(read, bound)]

    def _known(self, read: Read, bound: float) -> int:
        moments = self.acknowledged[read.what]
        return max((revision for moment, revision in moments if moment < read.began_at - bound), default=0)


@dataclass
class History:
    """Of all clients, under one seed."""

    exchanges: list[Exchange] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    growth: Growth = field(default_factory=Growth)
    accounts: dict[str, int] = field(default_factory=dict)
    products: dict[int, str] = field(default_factory=dict)
    items: dict[int, int] = field(default_factory=dict)
    # Every key that was sent, with its item; and the quantities that were told for it.
    keys: dict[str, int] = field(default_factory=dict)
    told: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    prices: dict[int, tuple[int, int]] = field(default_factory=dict)
    # What no client should ever be told, in words.
    surprises: list[str] = field(default_factory=list)

    def acknowledged(self) -> int:
        """How many writes."""
        changes = sum(price for price, _ in self.prices.values())
        return len(self.accounts) + len(self.products) + len(self.items) + len(self.told) + changes

    def blame(self, exchange: Exchange) -> frozenset[str]:
        """Who was hurt during an exchange, or so shortly before it that it may feel the consequences."""
        return frozenset(
            window.target
            for window in self.windows
            if window.began_at <= exchange.ended_at and exchange.began_at <= window.ended_at + AFTERMATH
        )

    def failures(self) -> Iterable[Exchange]:
        return (exchange for exchange in self.exchanges if exchange.status >= 500)

    def causes(self) -> Counter[str]:
        """Of the 5xx: what was said, and who was hurt."""
        return Counter(
            f"{failure.status} {failure.reason}: {named(self.blame(failure))}" for failure in self.failures()
        )


def named(targets: Iterable[str]) -> str:
    return " and ".join(sorted(targets)) or "nobody"
