"""Who comes when: calm, a slow spell, calm, a spell of errors, calm; again and again."""

from dataclasses import dataclass

from locust import LoadTestShape, User

from dashboards.traffic.clients import Clumsy, Newcomer, Reader, Shopkeeper
from dashboards.traffic.crowds import BargainHunter, Searcher

EVERY_DAY: tuple[type[User], ...] = (Reader, Shopkeeper, Newcomer, Clumsy)
DEFAULT_USERS, DEFAULT_SECONDS = 20, 120
# A longer load has the same spells more often.
LONGEST_ROUND_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Spell:
    """Part of a round.

    Attributes:
        until: Where it ends, as a share of the round.
        crowd: Who comes besides those who come every day.
        times: How many users there are then, as a multiple of the calm.
    """

    until: float
    crowd: tuple[type[User], ...] = ()
    times: int = 1


SPELLS = (
    Spell(0.35),
    Spell(0.50, (Searcher,), times=3),
    Spell(0.65),
    Spell(0.80, (BargainHunter,), times=20),
    Spell(1.0),
)


class Spells(LoadTestShape):
    """Follows `--users` (in the calm) and `--run-time`."""

    use_common_options = True

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        """How many users there should be now, how fast they come, and who they are; None at the end."""
        options = self.runner.environment.parsed_options if self.runner else None
        users = getattr(options, "users", None) or DEFAULT_USERS
        seconds = getattr(options, "run_time", None) or DEFAULT_SECONDS
        now: float = self.get_run_time()  # type: ignore[no-untyped-call]
        if now > seconds:
            return None
        length = min(seconds, LONGEST_ROUND_SECONDS)
        spell = next(spell for spell in SPELLS if now % length / length <= spell.until)
        count = users * spell.times
        return count, count, [*EVERY_DAY, *spell.crowd]
