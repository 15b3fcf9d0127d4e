"""What every row needs: rounds that are told about, contenders that take turns, servers that are shared."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from tests.benchmarks import catalogue
from tests.servers import Servers, running_servers

Key = TypeVar("Key")
Contender = TypeVar("Contender")
Measured = TypeVar("Measured")


@dataclass
class Bench:
    """One run. A quick one shows in a minute or two that every row works; its figures are worth nothing."""

    is_quick: bool = False
    row: str = ""
    _catalogues: dict[int, str] = field(default_factory=dict)
    _resources: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def servers(self) -> Servers:
        """PostgreSQL and Valkey, started when the first row needs them."""
        return self._resources.enter_context(running_servers())

    def catalogue(self, products: int) -> str:
        """The URL of a database with so many sample products, made when a row first needs it."""
        if products not in self._catalogues:
            self.say(f"loading {products:,} products")
            self._catalogues[products] = catalogue.create(self.servers.admin_url, products)
        return self._catalogues[products]

    def close(self) -> None:
        self._resources.close()

    def rounds(self, count: int) -> Iterator[int]:
        """The numbers of the rounds, of which a quick run has two."""
        count = min(count, 2) if self.is_quick else count
        for number in range(1, count + 1):
            self.say(f"round {number} of {count}")
            yield number

    def take_turns(
        self, count: int, contenders: Mapping[Key, Contender], measure: Callable[[Contender], Measured]
    ) -> dict[Key, tuple[Measured, ...]]:
        """What was measured of each contender, one value a round, after a round that does not count."""
        keys = list(contenders)
        values: dict[Key, list[Measured]] = {key: [] for key in keys}
        self.say("warming up")
        for contender in contenders.values():
            measure(contender)
        for number in self.rounds(count):
            # Whoever comes first in a round may meet another machine than whoever comes last.
            for key in keys if number % 2 else reversed(keys):
                values[key].append(measure(contenders[key]))
        return {key: tuple(measured) for key, measured in values.items()}

    def amount(self, full: int) -> int:
        """How many requests, or whatever is counted, a measurement takes."""
        return max(1, full // 20) if self.is_quick else full

    def seconds(self, full: float) -> float:
        """How long a measurement takes."""
        return min(full, 0.3) if self.is_quick else full

    def begin(self, row: str, title: str) -> None:
        """Say which row is next."""
        self.row = row
        print(f"{row}: {title}", file=sys.stderr, flush=True)  # noqa: T201 (the terminal is where this goes)

    def say(self, what: str) -> None:
        """Show on a terminal what goes on, in a line that the next one replaces."""
        if sys.stderr.isatty():
            print(f"\r\x1b[K{self.row}: {what}", end="\r", file=sys.stderr, flush=True)  # noqa: T201
