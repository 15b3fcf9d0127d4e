"""Looks in Redis that requests share, without anybody being told what was so before they asked."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from service.infra.cache.entries import Hit, Miss

Found = Hit | Miss
Seek = Callable[[], Awaitable[Found]]


class _Look:
    __slots__ = ("found", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.found: asyncio.Future[Found | None] = asyncio.get_running_loop().create_future()


class SharedLooks:
    """At any time one look for a key. Who asks meanwhile waits, and shares the next one with all who do."""

    def __init__(self) -> None:
        self._under_way: dict[str, _Look] = {}
        self._begun = 0

    async def look(self, key: str, seek: Seek) -> Found:
        """What a look that began after this call has found; only one of those who share it has the duties that it brings."""
        last_begun = self._begun
        while (look := self._under_way.get(key)) is not None:
            found = await asyncio.shield(look.found)
            if found is not None and look.number > last_begun:
                return _without_duties(found)
        return await self._lead(key, seek)

    async def _lead(self, key: str, seek: Seek) -> Found:
        self._begun += 1
        look = self._under_way[key] = _Look(self._begun)
        found: Found | None = None
        try:
            found = await seek()
        finally:
            del self._under_way[key]
            look.found.set_result(found)
        return found


def _without_duties(found: Found) -> Found:
    if isinstance(found, Hit):
        return found if found.refresh is None else replace(found, refresh=None)
    return replace(found, lease="") if found.lease else found
