"""What has to stay flat, and how much of a rise is not yet growth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that is counted at somebody's.

    Attributes:
        name: With its unit.
        share: It may rise by so much of what it was,
        more: and by so much on top.
    """

    name: str
    share: float
    more: float

    def limit(self, before: float) -> float:
        """Up to here it is as flat as it was."""
        return before * (1 + self.share) + self.more


# An allocator gives back pages when it likes, not when it could: a process of 130 MiB may breathe by nearly 5.
MEMORY = Figure("Resident memory, MiB", share=0.02, more=2)
# Sessions come and go, and each has caches of its own.
SERVER_MEMORY = Figure("Memory of the servers, MiB", share=0.1, more=4)
# Connections of pools and of clients, which come and go in dozens.
FILES = Figure("Open files", share=0.1, more=5)
THREADS = Figure("Threads", share=0, more=3)
# Pools open one when all others are in use, and so now and then one more than ever before.
POSTGRES_CONNECTIONS = Figure("Connections of PostgreSQL", share=0.1, more=5)
REDIS_CONNECTIONS = Figure("Connections of Valkey", share=0.1, more=5)
# A full cache holds more of them when they are smaller.
KEYS = Figure("Keys in Valkey", share=0.15, more=20)
# The journal of invalidations, whose length is limited, is the only one.
ENDLESS_KEYS = Figure("Keys in Valkey that never expire", share=0, more=0)
# The first time that a route answers with a status makes one more histogram, of a few dozen.
SERIES = Figure("Prometheus series", share=0.03, more=50)
SHARED_FILES = Figure("Files of the multiprocess folder", share=0, more=2)
# Memory is taken in pieces of 64 KiB; what the dead have counted is one line for each series.
SHARED_SIZE = Figure("Size of the multiprocess folder, KiB", share=0.03, more=64)
# Jobs, and what caches are to forget: gone as soon as somebody has done it.
PASSING_ROWS = Figure("Rows that only pass through", share=0.1, more=20)

FIGURES = (
    MEMORY,
    SERVER_MEMORY,
    FILES,
    THREADS,
    POSTGRES_CONNECTIONS,
    REDIS_CONNECTIONS,
    KEYS,
    ENDLESS_KEYS,
    SERIES,
    SHARED_FILES,
    SHARED_SIZE,
    PASSING_ROWS,
)

# Whose figure.
SUPERVISOR = "API supervisor"
STAYING_API, REPLACED_API = "API process that stays", "API processes that are replaced"
STAYING_WORKER, REPLACED_WORKER = "worker that stays", "worker that is replaced"
POSTGRES, VALKEY = "PostgreSQL", "Valkey"
API = "API"
PROCESSES = (SUPERVISOR, STAYING_API, REPLACED_API, STAYING_WORKER, REPLACED_WORKER)

Subject: TypeAlias = tuple[Figure, str]
SUBJECTS: tuple[Subject, ...] = (
    *((figure, process) for figure in (MEMORY, FILES, THREADS) for process in PROCESSES),
    *((SERVER_MEMORY, server) for server in (POSTGRES, VALKEY)),
    (POSTGRES_CONNECTIONS, POSTGRES),
    (REDIS_CONNECTIONS, VALKEY),
    (KEYS, VALKEY),
    (ENDLESS_KEYS, VALKEY),
    *((SERIES, whose) for whose in (API, STAYING_WORKER, REPLACED_WORKER)),
    (SHARED_FILES, API),
    (SHARED_SIZE, API),
    (PASSING_ROWS, POSTGRES),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """All figures at a moment, in seconds; of whom there is nothing at the time is left out."""

    moment: float
    values: Mapping[Subject, float]
