"""Work that may be lost, done in this process after the response was sent.

It runs while nobody waits, so it takes nothing of the request with it: no session, no connection, no place.
"""

from collections.abc import Awaitable, Callable
from typing import ParamSpec

import structlog
from starlette.background import BackgroundTask, BackgroundTasks

from observability.background.in_process import name_of

P = ParamSpec("P")

log = structlog.get_logger(__name__)


class _Isolated(BackgroundTask):
    """Fails alone: Starlette would skip the tasks behind it. It is counted as failed where all tasks are measured."""

    async def __call__(self) -> None:
        try:
            await super().__call__()
        except Exception as error:  # noqa: BLE001 (whatever it is, the others go on)
            log.warning("after_response_failed", task=name_of(self.func), reason=repr(error))


def after_response(
    tasks: BackgroundTasks, function: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Call the function once the response is on its way."""
    tasks.tasks.append(_Isolated(function, *args, **kwargs))
