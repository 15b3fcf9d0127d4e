"""Who runs where: what is measured has a core to itself, if there is more than one."""

import os
from collections.abc import Set as AbstractSet

ALL: AbstractSet[int] = (
    frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
)
MEASURED = frozenset(sorted(ALL)[:1])
OTHERS = ALL - MEASURED


def stay_on(cores: AbstractSet[int], pid: int = 0) -> None:
    """Keep a process (this one by default) and what it starts from now on to these cores, where that is possible.

    A process that was started within some cores does not know of the others, but may move there.
    """
    if cores:
        os.sched_setaffinity(pid, cores)
