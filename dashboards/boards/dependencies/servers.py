"""What the panels of PostgreSQL and of Redis have alike."""

from dashboards.boards.promql import RATE_WINDOW, count_rate, or_none
from observability import conventions as c

FAILED = f'{c.ERROR_TYPE}!=""'
BY_OPERATION = f"{{{{{c.DB_OPERATION}}}}}"
SHARED = "the server is shared by all of them"
WINDOW = f"[{RATE_WINDOW}]"


def rate_of_errors(system: str) -> str:
    """By class of error; a flat 0 while there is none."""
    failed = count_rate(c.DB_OPERATION_DURATION, system, FAILED, by=(c.ERROR_TYPE,))
    return or_none(failed, c.ERROR_TYPE, count_rate(c.DB_OPERATION_DURATION, system))
