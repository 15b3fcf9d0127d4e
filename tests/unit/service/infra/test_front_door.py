"""The door, asked by connections without a network."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from service import problems
from service.infra.admission import Admission, Limits, Places, too_busy
from service.infra.front_door import DOORKEEPER, Doorkeeper, FrontDoor
from tests.unit.service.infra.wire import Wire, parsed, sent

LIMITS = Limits(served=1, waiting=1, wait=60, bodies=1000, upload=60, deadline=60)
PROBE = b"GET /healthz HTTP/1.1\r\n\r\n"
QUESTION = b"GET /work HTTP/1.1\r\n\r\n"
ORDER = b"POST /work HTTP/1.1\r\ncontent-length: 4\r\n\r\n"


@dataclass
class House:
    """A server whose application works until it is let go, one request at once and another waiting."""

    keeps_the_door: bool = True
    entered: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    refused: list[str] = field(default_factory=list)
    state: ServerState = field(default_factory=ServerState)
    doors: list[FrontDoor] = field(default_factory=list)

    def __post_init__(self) -> None:
        places = Places(LIMITS)
        always = ("/healthz",)
        headers = {"Retry-After": "1", "Content-Type": problems.MEDIA_TYPE}
        body = problems.prepared(too_busy())
        keeper = Doorkeeper(places, always=always, headers=headers, body=body, refused=self.refused.append)
        app = Admission(self.work, places=places, always=always, answer=problems.answer)
        self.config = Config(app, lifespan="off", log_config=None)
        self.app_state = {DOORKEEPER: keeper} if self.keeps_the_door else {}
        self.state.default_headers = [(b"x-frame-options", b"DENY")]

    async def work(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["path"] == "/work":
            self.entered.put_nowait(scope["method"])
            await self.let_go.wait()
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})

    def connection(self) -> FrontDoor:
        door = FrontDoor(self.config, self.state, self.app_state)
        door.connection_made(Wire())
        self.doors.append(door)
        return door

    def asked(self, *questions: bytes) -> bytes:
        """What a new connection is answered at once."""
        door = self.connection()
        for question in questions:
            door.data_received(question)
        return sent(door)

    async def settle(self) -> None:
        """Let every request come to its end."""
        self.let_go.set()
        while self.state.tasks:
            await asyncio.gather(*self.state.tasks)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    await house.settle()
    for door in house.doors:
        door.connection_lost(None)


async def full(house: House) -> None:
    """One is being served, one waits, and no more may come."""
    assert house.asked(QUESTION) == b""
    await house.entered.get()
    assert house.asked(QUESTION) == b""
    await asyncio.sleep(0)


async def test_a_full_house_answers_before_any_task_has_begun(house: House) -> None:
    await full(house)
    status, headers, body = parsed(house.asked(b"GET /a%22b?c=d HTTP/1.1\r\n\r\n"))
    assert status == b"HTTP/1.1 503 Service Unavailable"
    assert headers == {
        b"x-frame-options": b"DENY",
        b"content-type": b"application/problem+json",
        b"retry-after": b"1",
        b"content-length": b"%d" % len(body),
    }
    assert problems.Problem(**json.loads(body)).model_dump(exclude_none=True) == {
        "type": "urn:glasshouse:problem:too-busy",
        "title": "Too busy",
        "status": 503,
        "detail": too_busy().detail,
        "instance": "/a%22b",
    }
    assert house.refused == ["GET"]


async def test_whoever_is_read_in_the_same_turn_of_the_loop_is_counted(house: House) -> None:
    answers = [house.asked(QUESTION) for _ in range(4)]
    assert [answer[:12] for answer in answers] == [b"", b"", b"HTTP/1.1 503", b"HTTP/1.1 503"]
    assert house.refused == ["GET", "GET"]


async def test_a_refused_client_may_ask_again_on_its_connection(house: House) -> None:
    await full(house)
    door = house.connection()
    door.data_received(QUESTION)
    await house.settle()
    door.data_received(QUESTION)
    await house.settle()
    assert sent(door).count(b"HTTP/1.1 503") == 1
    assert sent(door).count(b"HTTP/1.1 200 OK") == 1


async def test_health_is_told_by_a_full_house(house: House) -> None:
    await full(house)
    door = house.connection()
    door.data_received(PROBE)
    await asyncio.sleep(0)
    assert sent(door).startswith(b"HTTP/1.1 200 OK")


async def test_the_body_of_a_refused_request_is_no_request(house: House) -> None:
    await full(house)
    door = house.connection()
    for part in (ORDER, b"GE", b"T ", QUESTION):
        door.data_received(part)
    assert sent(door).count(b"HTTP/1.1 503") == 2
    assert house.refused == ["POST", "GET"]


async def test_a_refusal_of_head_has_no_body(house: House) -> None:
    await full(house)
    answer = house.asked(b"HEAD /work HTTP/1.1\r\n\r\n")
    _, headers, body = parsed(answer)
    assert int(headers[b"content-length"])
    assert body == b""


@pytest.mark.parametrize("last", [b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"])
async def test_who_asks_once_is_hung_up_on(house: House, last: bytes) -> None:
    await full(house)
    door = house.connection()
    door.data_received(last)
    assert parsed(sent(door))[1][b"connection"] == b"close"
    assert door.transport.is_closing()


async def test_answers_come_in_the_order_of_requests(house: House) -> None:
    await full(house)
    first = house.doors[0]
    first.data_received(QUESTION)
    assert sent(first) == b""
    await house.settle()
    # The application decides about the second one when its turn has come.
    assert sent(first).startswith(b"HTTP/1.1 200 OK")
    assert sent(first).count(b"HTTP/1.1 ") == 2
    assert house.refused == []


async def test_nothing_is_heaped_up_for_a_client_that_does_not_read(house: House) -> None:
    await full(house)
    door = house.connection()
    door.pause_writing()
    door.data_received(QUESTION)
    assert sent(door) == b""
    door.resume_writing()


async def test_a_client_that_does_not_read_keeps_no_place_from_others(house: House) -> None:
    house.let_go.set()
    unread, read = house.connection(), house.connection()
    unread.pause_writing()
    unread.data_received(QUESTION)
    await house.entered.get()
    read.data_received(QUESTION)
    for _ in range(3):
        await asyncio.sleep(0)
    assert sent(read).startswith(b"HTTP/1.1 200 OK")
    assert sent(unread) == b""
    unread.resume_writing()


async def test_an_upgrade_that_is_not_offered_is_refused_as_any_request_is(house: House) -> None:
    await full(house)
    answer = house.asked(b"GET /work HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503")


async def test_other_applications_have_no_doorkeeper() -> None:
    house = House(keeps_the_door=False)
    await full(house)
    door = house.connection()
    door.data_received(QUESTION)
    assert sent(door) == b""
    await asyncio.sleep(0)
    assert sent(door).startswith(b"HTTP/1.1 503"), "by the application itself"
    await house.settle()
