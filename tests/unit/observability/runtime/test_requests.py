"""Which request a loop works on, seen from another thread."""

import asyncio
from asyncio import AbstractEventLoop
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from types import SimpleNamespace
from typing import Any

from observability import context
from observability.context import RequestRecord
from observability.runtime.requests import context_of, running_request


def seen_from_outside(loop: AbstractEventLoop) -> RequestRecord | None:
    with ThreadPoolExecutor(1) as other:
        return other.submit(running_request, loop).result()


async def test_the_request_of_the_running_task_is_found() -> None:
    record = RequestRecord(7, "", is_sampled=True)
    token = context.enter(record)
    assert seen_from_outside(asyncio.get_running_loop()) is record
    context.leave(token)


async def test_a_child_task_works_for_the_request_that_started_it(record: RequestRecord) -> None:
    loop = asyncio.get_running_loop()

    async def child() -> RequestRecord | None:
        return seen_from_outside(loop)

    context.enter(record)
    assert await asyncio.create_task(child()) is record


async def test_a_task_of_no_request_is_none() -> None:
    assert seen_from_outside(asyncio.get_running_loop()) is None


async def test_a_callback_that_is_no_task_has_no_request() -> None:
    loop = asyncio.get_running_loop()
    found: asyncio.Future[RequestRecord | None] = loop.create_future()
    context.enter(RequestRecord(7, "", is_sampled=True))
    loop.call_soon(lambda: found.set_result(seen_from_outside(loop)))
    assert await found is None


def test_the_context_of_a_task_is_found_on_every_python() -> None:
    expected = copy_context()
    since_python_3_12: Any = SimpleNamespace(get_context=lambda: expected)
    before: Any = ["something else", expected]
    assert context_of(since_python_3_12) is expected
    assert context_of(before) is expected


def test_a_task_without_a_context_has_no_request() -> None:
    bare: Any = []
    assert context_of(bare) is None
