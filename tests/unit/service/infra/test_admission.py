import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability.conventions import SHED
from observability.metrics.registry import Registry
from observability.setup import instrument
from observability.testing import recorded, series
from service import problems
from service.infra.admission import Admission, Limits, Places
from service.infra.body_limit import BodyLimit

LIMITS = Limits(served=2, waiting=1, wait=60, bodies=100_000, upload=60, deadline=60)
SOON = 0.01


@dataclass
class Exchange:
    """One request as a server sees it."""

    path: str = "/work"
    method: str = "GET"
    body: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    sent: list[Message] = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def arrive(self, part: bytes, *, more: bool) -> None:
        self.body.put_nowait({"type": "http.request", "body": part, "more_body": more})

    async def at(self, app: ASGIApp) -> int:
        scope: Scope = {
            "type": "http",
            "method": self.method,
            "path": self.path,
            "query_string": b"",
            "headers": [],
        }
        await app(scope, self.body.get, self.send)
        return self.status


class Work:
    """An application whose requests take until they are let go."""

    def __init__(self) -> None:
        self.entered: asyncio.Queue[bytes] = asyncio.Queue()
        self.let_go = asyncio.Event()
        self.cancelled = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b"" if scope["method"] == "GET" else await Request(scope, receive).body()
        self.entered.put_nowait(body)
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})


@pytest.fixture
async def work() -> Work:
    return Work()


def limited(app: ASGIApp, **changes: Any) -> Admission:
    places = Places(replace(LIMITS, **changes))
    return Admission(app, places=places, always=["/healthz"], answer=problems.answer)


@asynccontextmanager
async def busy(app: ASGIApp, work: Work, count: int) -> AsyncIterator[list["asyncio.Task[int]"]]:
    """So many requests are being served."""
    tasks = [asyncio.create_task(Exchange().at(app)) for _ in range(count)]
    for _ in tasks:
        await work.entered.get()
    yield tasks
    work.let_go.set()
    assert await asyncio.gather(*tasks) == [200] * count


async def test_whoever_finds_no_place_waits_for_one(work: Work) -> None:
    app = limited(work)
    async with busy(app, work, 2):
        third = asyncio.create_task(Exchange().at(app))
        await asyncio.sleep(0)
        assert work.entered.empty()
    assert await third == 200


async def test_more_than_may_wait_are_refused_at_once_and_told_when_to_come_back(work: Work) -> None:
    app = limited(work)
    async with busy(app, work, 2):
        third = asyncio.create_task(Exchange().at(app))
        await asyncio.sleep(0)
        fourth = Exchange()
        assert await fourth.at(app) == 503
        assert fourth.headers[b"retry-after"] == b"1"
        assert fourth.headers[b"content-type"] == b"application/problem+json"
    assert await third == 200


async def test_nobody_waits_longer_than_the_limit(work: Work) -> None:
    app = limited(work, wait=SOON)
    async with busy(app, work, 2):
        assert await Exchange().at(app) == 503
    assert await Exchange().at(app) == 200, "a place that was given up is free"


async def test_fewer_may_wait_where_places_are_given_up_slowly(work: Work) -> None:
    places = Places(replace(LIMITS, served=1, waiting=10, wait=SOON))
    app = Admission(work, places=places, always=(), answer=problems.answer)
    async with busy(app, work, 1):
        await asyncio.sleep(2 * SOON)
    work.let_go.clear()
    async with busy(app, work, 1):
        crowd = [asyncio.create_task(Exchange().at(app)) for _ in range(6)]
        await asyncio.sleep(0)
        assert places.are_full
        assert await asyncio.gather(*crowd) == [503] * 6


async def test_health_is_told_however_busy_the_process_is(work: Work) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/healthz":
            await send({"type": "http.response.start", "status": 204, "headers": []})
        else:
            await work(scope, receive, send)

    admission = limited(app, waiting=0)
    async with busy(admission, work, 2):
        assert await Exchange("/healthz").at(admission) == 204
        assert await Exchange("/other").at(admission) == 503


async def test_what_took_too_long_is_cancelled_and_gives_its_place_up(work: Work) -> None:
    app = limited(work, served=1, waiting=0, deadline=SOON)
    late = Exchange()
    assert await late.at(app) == 503
    assert b"deadline-exceeded" in late.sent[1]["body"]
    assert work.cancelled == 1
    work.let_go.set()
    assert await Exchange().at(app) == 200


async def stalls(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.Event().wait()


async def test_an_answer_that_stalls_after_its_beginning_is_broken_off() -> None:
    stalled = Exchange()
    with pytest.raises(TimeoutError):
        await stalled.at(limited(stalls, deadline=SOON))
    assert len(stalled.sent) == 1


async def test_a_time_out_of_the_application_itself_is_its_own() -> None:
    async def fails(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await Exchange().at(limited(fails))


async def test_a_slow_sender_takes_no_place_until_its_body_is_there(work: Work) -> None:
    app = limited(work, served=1, waiting=0)
    slow = Exchange(method="POST")
    slow.arrive(b"one ", more=True)
    upload = asyncio.create_task(slow.at(app))
    async with busy(app, work, 1):
        pass
    slow.arrive(b"two", more=False)
    assert await upload == 200
    assert await work.entered.get() == b"one two"


async def test_a_body_that_does_not_come_in_time_is_not_waited_for(work: Work) -> None:
    slow = Exchange(method="POST")
    slow.arrive(b"one", more=True)
    assert await slow.at(limited(work, upload=SOON)) == 408
    assert slow.headers[b"connection"] == b"close"
    assert work.entered.empty()


MUCH = b"m" * 60_000


async def test_bodies_that_go_on_growing_are_refused_when_there_are_too_many(work: Work) -> None:
    app = limited(work)
    first, second, small = (Exchange(method="POST") for _ in range(3))
    first.arrive(MUCH, more=True)
    upload = asyncio.create_task(first.at(app))
    await asyncio.sleep(0)
    second.arrive(MUCH, more=True)
    with pytest.raises(HTTPException) as refusal:
        await second.at(app)
    assert (refusal.value.status_code, refusal.value.headers) == (503, {"Retry-After": "1"})
    work.let_go.set()
    small.arrive(b"more", more=True)
    small.arrive(b" or less", more=False)
    first.arrive(b"", more=False)
    assert (await small.at(app), await upload) == (200, 200)


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({}, {"type": "http.request", "body": b"", "more_body": False}),
        ({"deadline": SOON}, {"type": "http.request", "body": b"", "more_body": False}),
        ({"upload": SOON}, None),
        ({"bodies": 2 * len(MUCH) - 1}, {"type": "http.request", "body": MUCH, "more_body": True}),
        ({}, {"type": "http.disconnect"}),
    ],
    ids=["answer", "deadline", "upload", "refusal", "disconnect"],
)
async def test_no_body_is_counted_longer_than_its_request(
    work: Work, changes: dict[str, Any], ending: Message | None
) -> None:
    app = limited(work, **changes)
    sender = Exchange(method="POST")
    sender.arrive(MUCH, more=True)
    request = asyncio.create_task(sender.at(app))
    await asyncio.sleep(0)
    assert app._places.body_bytes == len(MUCH)
    if "deadline" not in changes:
        work.let_go.set()
    if ending is not None:
        sender.body.put_nowait(ending)
    await asyncio.wait([request])
    assert app._places.body_bytes == 0


async def test_an_endpoint_that_asks_whether_its_client_is_there_hears_it_from_the_server() -> None:
    async def asks(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        left = (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 499 if left else 200, "headers": []})

    leaving = Exchange(method="POST")
    leaving.arrive(b"", more=False)
    leaving.body.put_nowait({"type": "http.disconnect"})
    assert await leaving.at(limited(asks)) == 499


async def test_other_than_requests_pass() -> None:
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    exchange = Exchange()
    await limited(app, served=1)({"type": "lifespan"}, exchange.body.get, exchange.send)
    assert seen == ["lifespan"]


def counting(app: ASGIApp, **changes: Any) -> tuple[FastAPI, Registry]:
    """The application behind all limits, and where they are counted."""
    outside = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    places = Places(replace(LIMITS, **changes))
    outside.add_middleware(Admission, places=places, always=(), answer=problems.answer)
    outside.add_middleware(BodyLimit, max_body_size=1)
    outside.mount("/", app)
    return outside, instrument(outside, service_name="shop").registry


@pytest.mark.parametrize(
    ("limit", "method", "changes", "status"),
    [
        ("deadline", "GET", {"deadline": SOON}, 503),
        ("body_time", "POST", {"upload": SOON}, 408),
        ("body_size", "PUT", {}, 413),
    ],
)
async def test_what_ended_a_request_is_counted(
    work: Work, limit: str, method: str, changes: dict[str, float], status: int
) -> None:
    app, registry = counting(work, **changes)
    ended = Exchange(method=method)
    if method == "PUT":
        ended.arrive(b"too much", more=False)
    assert await ended.at(app) == status
    counted = series(registry, "http_server_limits_exceeded_total").items()
    assert {dict(labels)["limit"]: count for labels, count in counted} == {limit: 1}


async def test_an_answer_that_the_deadline_broke_off_is_counted() -> None:
    app, registry = counting(stalls, deadline=SOON)
    with pytest.raises(TimeoutError):
        await Exchange().at(app)
    assert recorded(registry, "http_server_limits_exceeded_total", limit="deadline") == 1
    assert recorded(registry, "http_server_request_outcomes_total", outcome="aborted") == 1


async def test_the_refused_are_counted_as_shed(work: Work) -> None:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    places = Places(replace(LIMITS, waiting=0))
    app.add_middleware(Admission, places=places, always=(), answer=problems.answer)

    @app.get("/work")
    async def serve() -> None:
        work.entered.put_nowait(b"")
        await work.let_go.wait()

    registry = instrument(app, service_name="shop").registry
    async with busy(app, work, 2):
        assert await Exchange().at(app) == 503
    (shed,) = [
        dict(labels)
        for labels, count in series(registry, "http_server_request_outcomes_total", outcome="shed").items()
        if count
    ]
    # Not with the addresses that do not exist: whoever was refused is a client.
    assert shed["http_route"] == SHED
