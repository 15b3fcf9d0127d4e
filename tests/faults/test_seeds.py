"""Two seeds of `make faults`: Valkey alone is hurt, then everybody, and all but Valkey are killed."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.figures import complaint, figures
from tests.faults.house import House, open_house
from tests.faults.play import play, subscribe
from tests.faults.schedule import APIS, POSTGRES, VALKEY, WORKER, Violence, schedule
from tests.integration.conftest import reachable_folder

SEEDS = (1, 12)


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    with reachable_folder() as folder:
        async with open_house(folder) as house:
            await subscribe(house)
            yield house


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_is_promised_is_so_after_every_fault_of_the_seed(house: House, seed: int) -> None:
    outcome = await play(house, seed)
    assert not complaint(seed, outcome), complaint(seed, outcome)
    assert figures(seed, outcome).acknowledged > 50


def test_the_seeds_hurt_valkey_alone_and_kill_everybody_else() -> None:
    alone, together = (schedule(seed) for seed in SEEDS)
    assert {fault.target for fault in alone} == {VALKEY}
    killed = {fault.target for fault in together if fault.how is Violence.KILLED}
    assert killed >= {POSTGRES, WORKER}
    assert killed & {*APIS}
