"""Computations under way in this process, and those who wait for them."""

import asyncio
from dataclasses import dataclass

from service.infra.cache.entries import Entry


@dataclass(frozen=True, slots=True)
class Landing:
    """How a computation ended.

    Attributes:
        entry: What was computed, or None: it failed, or was outdated before it was done.
        as_of: On the monotonic clock, the moment for which the entry is known to be right.
        has_failed: Whether it failed.
        is_unavailable: Whether it failed because a dependency could not answer.
    """

    entry: Entry | None = None
    as_of: float = 0.0
    has_failed: bool = False
    is_unavailable: bool = False


class Flight:
    """One computation; it must land, whatever happens."""

    def __init__(self, flights: dict[str, "Flight"], key: str) -> None:
        """Be the flight of this key until landed."""
        self._flights = flights
        self._key = key
        self._landing: asyncio.Future[Landing] = asyncio.get_running_loop().create_future()
        flights[key] = self

    def land(self, landing: Landing) -> None:
        """Tell those who wait how it ended."""
        self._flights.pop(self._key, None)
        if not self._landing.done():
            self._landing.set_result(landing)

    async def wait(self, seconds: float) -> Landing | None:
        """How it ended, or None when that takes too long."""
        done, _ = await asyncio.wait({self._landing}, timeout=max(seconds, 0))
        return self._landing.result() if done else None
