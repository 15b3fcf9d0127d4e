"""How fast a budget may burn before somebody is told.

Source: https://sre.google/workbook/alerting-on-slos/ (multiwindow, multi-burn-rate alerts), which spends 2 % of the budget
in an hour or 5 % in six before it pages, and 10 % in a day or in three before it opens a ticket.
"""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["page", "ticket", "none"]

HOUR = 3600
DAY = 24 * HOUR
SECONDS = {"5m": 300, "30m": 1800, "1h": HOUR, "2h": 2 * HOUR, "6h": 6 * HOUR, "1d": DAY, "3d": 3 * DAY}
WINDOWS = tuple(SECONDS)


@dataclass(frozen=True, slots=True)
class Burn:
    """A speed at which the long window spends a share of the period's budget, and the short one still does."""

    severity: Severity
    short: str
    long: str
    share: float

    def factor(self, period_days: int) -> float:
        """How many times faster than what the budget allows: 1 uses it up exactly at the end of the period."""
        return round(self.share * period_days * DAY / SECONDS[self.long], 3)


BURNS = (
    Burn("page", "5m", "1h", 0.02),
    Burn("page", "30m", "6h", 0.05),
    Burn("ticket", "2h", "1d", 0.10),
    Burn("ticket", "6h", "3d", 0.10),
)
