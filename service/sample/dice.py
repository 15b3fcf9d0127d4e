from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Chance that falls the same way on every machine and Python version.

    Python promises equal sequences for `Random.random()` alone, so every draw derives from it.
    """

    def __init__(self, seed: str) -> None:
        self.fraction = Random(seed).random  # noqa: S311 - sample data wants to be predictable

    def below(self, limit: int) -> int:
        return int(self.fraction() * limit)

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def some_of(self, choices: Sequence[T], count: int) -> list[T]:
        remaining = list(choices)
        return [remaining.pop(self.below(len(remaining))) for _ in range(count)]
