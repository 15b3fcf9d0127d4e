"""Three seeds of `make faults`: Valkey alone is hurt, then everybody, then PostgreSQL alone."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.figures import complaint, figures
from tests.faults.house import House, open_house
from tests.faults.play import play, subscribe
from tests.faults.schedule import POSTGRES, VALKEY, schedule, targets
from tests.integration.conftest import reachable_folder

SEEDS = (1, 2, 3)


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


def test_the_seeds_hurt_each_server_alone_and_everybody_together() -> None:
    assert [len(targets(seed)) for seed in SEEDS] == [1, 5, 1]
    assert {fault.target for fault in schedule(1)} == {VALKEY}
    assert {fault.target for fault in schedule(3)} == {POSTGRES}
