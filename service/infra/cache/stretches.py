"""Dependencies on stretches of ids as tags: a few for a stretch, a few for an id, however many ids there are.

Ids are cut into aligned blocks of 1, 4, 16, ... Whoever depends on a stretch carries the tags of the fewest blocks
that make it up; whoever changes an id invalidates the tags of the blocks around it, one of each size.
"""

from collections.abc import Iterator

_FAN_OUT = 4
_SIZES = tuple(_FAN_OUT**level for level in range(17))
# Ids beyond 4 billion share the last place: they invalidate too much, not too little.
_PLACES = _SIZES[-1]


def around(tree: str, number: int) -> Iterator[str]:
    """The tags of all blocks that hold this id."""
    place = min(number, _PLACES - 1)
    return (_tag(tree, size, place) for size in _SIZES)


def covering(tree: str, *, after: int, last: int | None) -> Iterator[str]:
    """The tags of the fewest blocks that make up (after, last], or all that follows when `last` is None."""
    start = after + 1 if after else 0
    stop = _PLACES if last is None else last + 1
    start, stop = min(start, _PLACES - 1), min(stop, _PLACES)
    while start < stop:
        size = next(size for size in reversed(_SIZES) if start % size == 0 and start + size <= stop)
        yield _tag(tree, size, start)
        start += size


def _tag(tree: str, size: int, place: int) -> str:
    return f"{tree}/{size}/{place // size}"
