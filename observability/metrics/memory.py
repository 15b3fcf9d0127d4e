"""Where series keep their numbers: memory of this process alone, until it shares them with other workers."""

from typing import Protocol

from observability.conventions import Metric
from observability.metrics.layout import Entry, Values, size_of

BYTES_PER_NUMBER = 8
# Memory is taken in pieces of this many numbers; a multiple of every platform's page size.
CHUNK = 8_192


class Memory(Protocol):
    """Gives each new series a place for its numbers, all zero."""

    def allocate(self, metric: Metric, labels: tuple[str, ...]) -> Values: ...


class Chunks:
    """Hands out consecutive places of chunks that subclasses provide."""

    def __init__(self) -> None:
        """Start without a chunk."""
        self._chunk: Values = memoryview(b"").cast("d")
        self._used = 0
        self._before = 0

    def take(self, size: int) -> tuple[int, Values]:
        """The next `size` numbers, and how many lie before them."""
        if self._used + size > len(self._chunk):
            self._before += len(self._chunk)
            self._chunk, self._used = self.new_chunk(), 0
        place, self._used = self._used, self._used + size
        return self._before + place, self._chunk[place : place + size]

    def new_chunk(self) -> Values:
        """`CHUNK` numbers, all zero."""
        return memoryview(bytearray(CHUNK * BYTES_PER_NUMBER)).cast("d")


class PrivateMemory:
    """Numbers that only this process sees, and the list of what they are."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.entries: list[Entry] = []
        self._chunks = Chunks()

    def allocate(self, metric: Metric, labels: tuple[str, ...]) -> Values:
        """A place for one series."""
        _, values = self._chunks.take(size_of(metric))
        self.entries.append(Entry(metric, labels, values))
        return values
