"""A few seconds of the house of `make soak`: what is replaced comes back, what stays stays, and every figure is seen."""

import asyncio
import signal
from pathlib import Path

import uvloop

from tests.instances import until
from tests.integration.conftest import reachable_folder
from tests.soak.clients import Crowd
from tests.soak.figures import REPLACED_API, STAYING_API, SUBJECTS, Sample
from tests.soak.house import House
from tests.soak.soak import watched

RIGHTS_SECONDS = 3600.0


def test_every_figure_is_seen_of_a_house_whose_processes_are_replaced() -> None:
    with reachable_folder() as folder:
        sample = uvloop.run(look(folder))
    assert set(sample.values) == set(SUBJECTS)


async def look(folder: Path) -> Sample:
    async with watched(folder, api_processes=2, rights=RIGHTS_SECONDS) as (house, eyes, people):
        await live(people)
        await replace(house)
        assert house.missing() == []
        return await eyes.look(0)


async def live(people: Crowd) -> None:
    """Everybody does one thing."""
    await asyncio.gather(*(life.act() for life in people.lives()))
    assert people.outcomes["2xx"]
    assert people.outcomes["aborted"]


async def replace(house: House) -> None:
    """Kill the API process that does not stay, and wait for the next."""
    before = house.processes()
    house.replace_api(signal.SIGKILL)
    await until(lambda: set(house.processes()[REPLACED_API]) - set(before[REPLACED_API]))
    assert house.processes()[STAYING_API] == before[STAYING_API]
