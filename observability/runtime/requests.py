"""Which request an event loop is working on, asked from another thread."""

import asyncio
import gc
from asyncio import AbstractEventLoop, Task
from contextvars import Context
from typing import Any

from observability import context
from observability.context import RequestRecord


def running_request(loop: AbstractEventLoop) -> RequestRecord | None:
    """The request on whose behalf the loop runs a task now, None when it runs none."""
    task = asyncio.current_task(loop)
    found = context_of(task) if task else None
    return context.of(found) if found else None


def context_of(task: Task[Any]) -> Context | None:
    """The context a task runs in."""
    get_context = getattr(task, "get_context", None)
    if get_context is not None:
        found: Context = get_context()
        return found
    # Python 3.11 has no accessor, but the garbage collector must know what a task refers to.
    return next((each for each in gc.get_referents(task) if isinstance(each, Context)), None)
