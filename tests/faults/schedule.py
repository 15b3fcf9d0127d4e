"""What goes wrong, when, and to whom: drawn from a seed."""

import random
from dataclasses import dataclass
from enum import StrEnum

from tests.faults.proxy import Network

POSTGRES, VALKEY, WORKER = "PostgreSQL", "Valkey", "worker"
APIS = ("API 1", "API 2")
SERVERS = (POSTGRES, VALKEY)
FIRST, LAST = 0.5, 9.0
SHORTEST, LONGEST = 0.3, 1.8
# So often is one drawn; those that would hurt a target that is still hurt are left out.
DRAWS, MOST = 30, 8
# Two faults of one target are at least so many seconds apart.
BREATH = 1.0


class Violence(StrEnum):
    """What can happen to a process."""

    KILLED = "killed"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Fault:
    """`target` is hurt `at` seconds after the beginning, for so many `seconds`."""

    at: float
    seconds: float
    how: Violence | Network
    target: str

    @property
    def until(self) -> float:
        return self.at + self.seconds

    def __str__(self) -> str:
        return f"{self.at:5.2f} s  {self.target} {self.how} for {self.seconds:.2f} s"


NETWORKS = tuple(network for network in Network if network is not Network.FINE)


def targets(seed: int) -> tuple[str, ...]:
    """Every fourth seed hurts Valkey alone and every other fourth PostgreSQL alone: their promises differ."""
    return {1: (VALKEY,), 3: (POSTGRES,)}.get(seed % 4, (*SERVERS, *APIS, WORKER))


def schedule(seed: int) -> list[Fault]:
    """The faults of a seed, in order."""
    draw = random.Random(seed)
    chosen = targets(seed)
    faults: list[Fault] = []
    most = draw.randint(MOST // 2, MOST)
    for _ in range(DRAWS):
        target = draw.choice(chosen)
        how = draw.choice((*Violence, *NETWORKS) if target in SERVERS else tuple(Violence))
        at, seconds = draw.uniform(FIRST, LAST), draw.uniform(SHORTEST, LONGEST)
        fault = Fault(round(at, 2), round(seconds, 2), how, target)
        if len(faults) < most and not any(_collide(fault, other) for other in faults):
            faults.append(fault)
    return sorted(faults, key=lambda fault: fault.at)


def _collide(one: Fault, other: Fault) -> bool:
    return one.target == other.target and one.at < other.until + BREATH and other.at < one.until + BREATH
