"""Children of a family, each looked up once."""

from collections.abc import Callable
from typing import TypeVar

Key = TypeVar("Key")
Child = TypeVar("Child")

# Far above what bounded labels need: only a flood of invented values gets here.
_LIMIT = 4_096


class Children(dict[Key, Child]):
    """Remembers the child of each key; a flood of keys is served but not remembered."""

    def __init__(self, make: Callable[[Key], Child]) -> None:
        """Look children up with `make`, which turns a key into a child."""
        super().__init__()
        self._make = make

    def __missing__(self, key: Key) -> Child:
        child = self._make(key)
        if len(self) < _LIMIT:
            self[key] = child
        return child
