"""Nobody is hurt, or counted as healed, who is not there."""

import sys
from pathlib import Path

import pytest

from service.infra.embedded.ports import free_port
from service.infra.mail.sink import MailFolder
from service.infra.start import StartupError
from tests.faults.house import HasEnded, House
from tests.faults.proxy import Network
from tests.faults.schedule import POSTGRES, WORKER, Fault, Violence
from tests.instances import until
from tests.integration.webhooks.receiver import Receiver

LAST_WORDS = "no more room"
DYING = [sys.executable, "-c", f"raise SystemExit({LAST_WORDS!r})"]


@pytest.fixture
def house(tmp_path: Path) -> House:
    """One in which nobody runs."""
    return House(tmp_path, MailFolder(tmp_path / "mail"), Receiver(), free_port())


@pytest.mark.parametrize("how", [*Violence, Network.RESET])
@pytest.mark.parametrize("target", [WORKER, POSTGRES])
async def test_who_has_ended_before_it_is_hurt_is_named_with_its_last_words(
    house: House, target: str, how: Violence | Network
) -> None:
    child = house._children[target]
    child.spawn(DYING)
    await until(lambda: not child.is_running)
    with pytest.raises(HasEnded, match=f"{target} has ended by itself: {LAST_WORDS}"):
        await house.hurt(Fault(0, 0, how, target))


async def test_who_does_not_come_back_is_named_with_its_last_words(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house._children[WORKER].spawn([sys.executable, "-c", "input()"])
    # There is no PostgreSQL, and this one does not wait for it.
    monkeypatch.setattr("tests.faults.house.COMMANDS", {WORKER: ("worker",)})
    with pytest.raises(StartupError, match=f"{WORKER} ended while starting: glasshouse: "):
        await house.hurt(Fault(0, 0, Violence.KILLED, WORKER))
