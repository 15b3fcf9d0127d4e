"""A run: load, replacements, and a look at everything every few seconds."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from time import monotonic

from tests.integration.webhooks.receiver import receiving as receiving_webhooks
from tests.soak.clients import Crowd, Searcher, crowd, forget
from tests.soak.figures import Sample
from tests.soak.house import House, open_house
from tests.soak.sampling import Sampler, sampler

API_PROCESSES = 3
LOOK_SECONDS = 5.0
REPLACE_SECONDS = 30.0
# A little more than the journal of invalidations at its longest: the cache is soon full.
VALKEY_MEMORY = "16mb"
FILLERS = 16
RIGHTS_SECONDS = 3600.0


@dataclass
class Run:
    """What has been seen and done so far."""

    seconds: float
    samples: list[Sample] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    replaced: Counter[str] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)


async def soak(folder: Path, *, seconds: float, told: Callable[[Run], None]) -> Run:
    """Watch the house for so many seconds under load; `told` hears of it once a minute."""
    run = Run(seconds)
    async with watched(folder, api_processes=API_PROCESSES, rights=seconds + RIGHTS_SECONDS) as (
        house,
        eyes,
        people,
    ):
        run.outcomes = people.outcomes
        await fill_cache(eyes, people)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(life.live()) for life in people.lives()]
            tasks.append(group.create_task(_replace(house, run)))
            await _watch(eyes, run, told)
            for task in tasks:
                task.cancel()
        run.missing = house.missing()
    return run


@asynccontextmanager
async def watched(
    folder: Path, *, api_processes: int, rights: float
) -> AsyncIterator[tuple[House, Sampler, Crowd]]:
    """A house with a catalogue, somebody who looks at it, and people who may write for so many seconds."""
    async with (
        receiving_webhooks() as webhooks,
        open_house(folder, api_processes=api_processes) as house,
        sampler(house) as eyes,
        crowd(house.port, seconds=rights) as people,
    ):
        forgetting = asyncio.create_task(forget(webhooks))
        await people.settle(webhooks.url)
        try:
            yield house, eyes, people
        finally:
            forgetting.cancel()


async def fill_cache(eyes: Sampler, people: Crowd) -> None:
    """Search until the cache has to forget something."""
    await eyes.limit_cache(VALKEY_MEMORY)
    searchers = [Searcher(people, number) for number in range(FILLERS)]
    while not await eyes.is_cache_full():
        await asyncio.gather(*(searcher.act() for searcher in searchers))


async def _watch(eyes: Sampler, run: Run, told: Callable[[Run], None]) -> None:
    """Look at the moments that are due; one that is long over is left out."""
    began_at, minutes = monotonic(), 0
    while (moment := _next(monotonic() - began_at)) <= run.seconds:
        await asyncio.sleep(began_at + moment - monotonic())
        run.samples.append(await eyes.look(moment))
        if moment // 60 > minutes:
            minutes = int(moment // 60)
            told(run)


def _next(elapsed: float) -> float:
    return LOOK_SECONDS * (elapsed // LOOK_SECONDS + 1)


async def _replace(house: House, run: Run) -> None:
    for how in cycle((signal.SIGTERM, signal.SIGKILL)):
        await asyncio.sleep(REPLACE_SECONDS)
        house.replace_api(how)
        run.replaced[f"API process, {how.name}"] += 1
        await asyncio.sleep(REPLACE_SECONDS)
        await house.replace_worker(how)
        run.replaced[f"worker, {how.name}"] += 1
