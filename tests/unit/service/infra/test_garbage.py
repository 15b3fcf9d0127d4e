"""How often garbage is looked for, and where."""

import gc

from service.infra.garbage import YOUNG_OBJECTS, rare_collections


class Node:
    """Refers to itself: only the garbage collector frees it."""

    def __init__(self) -> None:
        self.me = self


def test_what_was_there_before_is_not_looked_at_until_the_end() -> None:
    before, here_to_stay = gc.get_threshold(), [Node() for _ in range(1_000)]
    with rare_collections():
        assert gc.get_threshold() == (YOUNG_OBJECTS, *before[1:])
        assert gc.get_freeze_count() > len(here_to_stay)
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_garbage_that_is_made_meanwhile_is_freed() -> None:
    with rare_collections():
        Node()
        assert gc.collect() >= 1
