"""Clients that send heads too large or too slowly, or do not read, on connections without a network."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from observability.conventions import ANSWER_TIME, HEAD_SIZE, HEAD_TIME
from service import problems
from service.infra.bounded_connections import CONNECTION_LIMITS, BoundedConnection, ConnectionLimits, Farewell
from tests.unit.service.infra.wire import Wire, parsed, sent

SIZE, FIELDS, SECONDS, PATIENCE = 300, 10, 7.0, 11.0
TOO_LARGE = Farewell(431, problems.MEDIA_TYPE, b'{"status":431}')
TOO_SLOW = Farewell(408, problems.MEDIA_TYPE, b'{"status":408}')
QUESTION = b"GET / HTTP/1.1\r\n\r\n"
WORK = b"GET /work HTTP/1.1\r\n\r\n"
ENDLESS = b"GET / HTTP/1.1\r\nx: " + b"y" * SIZE
CHUNKED = b"POST /read HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
UPGRADE = b"GET /chat HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n"


@dataclass
class Timer:
    seconds: float
    ring: Callable[[], None]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class Loop:
    """An event loop in which time passes when a test says so."""

    timers: list[Timer] = field(default_factory=list)

    def call_later(self, delay: float, callback: Callable[..., None], *args: Any) -> Timer:
        self.timers.append(Timer(delay, lambda: callback(*args)))
        return self.timers[-1]

    def create_task(self, work: Any) -> "asyncio.Task[None]":
        return asyncio.get_running_loop().create_task(work)

    def set_to(self, seconds: float) -> list[Timer]:
        return [timer for timer in self.timers if timer.seconds == seconds and not timer.is_cancelled]

    @property
    def clocks(self) -> list[Timer]:
        """Those that wait for a head."""
        return self.set_to(SECONDS)

    def ring(self, seconds: float = SECONDS) -> None:
        (clock,) = self.set_to(seconds)
        self.timers.remove(clock)
        clock.ring()


class Conversation(asyncio.Protocol):
    """What takes a connection over that is upgraded."""

    def __init__(self, **_known_to_servers: Any) -> None:
        self.heard = b""

    def data_received(self, data: bytes) -> None:
        self.heard += data


@dataclass
class House:
    """A server whose application works until it is let go, reads what it is sent, or answers at once."""

    is_bounded: bool = True
    kind: type[BoundedConnection] = BoundedConnection
    loop: Loop = field(default_factory=Loop)
    state: ServerState = field(default_factory=ServerState)
    exceeded: list[str] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    served: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    connections: list[BoundedConnection] = field(default_factory=list)

    def __post_init__(self) -> None:
        limits = ConnectionLimits(SIZE, FIELDS, SECONDS, PATIENCE, TOO_LARGE, TOO_SLOW, self.exceeded.append)
        self.config = Config(self.answer, interface="asgi3", lifespan="off", log_config=None, ws=Conversation)
        self.app_state = {CONNECTION_LIMITS: limits} if self.is_bounded else {}
        self.state.default_headers = [(b"x-frame-options", b"DENY")]

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.served.append(scope["path"])
        if scope["path"] == "/work":
            await self.let_go.wait()
            if await Request(scope, receive).is_disconnected():
                self.left.append(scope["path"])
        if scope["path"] == "/read":
            await Request(scope, receive).body()
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})

    def connection(self) -> BoundedConnection:
        loop = cast("asyncio.AbstractEventLoop", self.loop)
        connection = self.kind(self.config, self.state, self.app_state, loop)
        connection.connection_made(Wire())
        self.connections.append(connection)
        return connection

    async def told(self, *pieces: bytes) -> BoundedConnection:
        """A new connection that was sent these pieces, and answers what it can."""
        connection = self.connection()
        for piece in pieces:
            connection.data_received(piece)
        await self.pause()
        return connection

    async def pause(self) -> None:
        """Let requests that wait for nothing come to their end."""
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    house.let_go.set()
    for connection in house.connections:
        connection.connection_lost(None)
    await asyncio.gather(*house.state.tasks, return_exceptions=True)
    assert house.loop.clocks == [], "each connection took its clock along"


def head(size: int) -> bytes:
    """The head of a request of so many bytes."""
    shortest = b"GET / HTTP/1.1\r\nx: %b\r\n\r\n"
    return shortest % (b"y" * (size - len(shortest % b"")))


def with_fields(count: int) -> bytes:
    return b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * count + b"\r\n"


def statuses(connection: BoundedConnection) -> list[bytes]:
    return [part[:3] for part in sent(connection).split(b"HTTP/1.1 ")[1:]]


def in_bytes(text: bytes) -> list[bytes]:
    return [text[at : at + 1] for at in range(len(text))]


def in_halves(text: bytes) -> list[bytes]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


@pytest.mark.parametrize("cut", [lambda text: [text], in_halves, in_bytes], ids=["whole", "halves", "bytes"])
@pytest.mark.parametrize("before", [b"", QUESTION], ids=["first", "behind another"])
@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head(SIZE), b"200"),
        (head(SIZE + 1), b"431"),
        (with_fields(FIELDS), b"200"),
        (with_fields(FIELDS + 1), b"431"),
    ],
    ids=["largest", "too large", "most fields", "too many fields"],
)
async def test_a_head_may_have_so_many_bytes_and_fields(
    house: House, request_head: bytes, status: bytes, before: bytes, cut: Callable[[bytes], list[bytes]]
) -> None:
    connection = await house.told(*cut(before + request_head))
    expected = [b"200", status] if before else [status]
    assert statuses(connection) == expected
    assert house.exceeded == ([HEAD_SIZE] if status == b"431" else [])
    assert connection.transport.is_closing() == (status == b"431")


async def test_a_head_that_is_too_large_is_answered_with_a_problem_and_the_end(house: House) -> None:
    for request in (head(SIZE + 1), ENDLESS):
        status, headers, body = parsed(sent(await house.told(request)))
        assert status == b"HTTP/1.1 431 Request Header Fields Too Large"
        assert headers == {
            b"x-frame-options": b"DENY",
            b"content-type": b"application/problem+json",
            b"content-length": b"%d" % len(body),
            b"connection": b"close",
        }
        assert json.loads(body) == {"status": 431}
    assert house.served == []


async def test_who_goes_on_after_that_is_not_listened_to(house: House) -> None:
    connection = await house.told(head(SIZE + 1) + QUESTION)
    assert statuses(connection) == [b"431"]
    assert house.served == []


async def test_a_body_is_not_taken_for_a_head(house: House) -> None:
    body = b"b" * 3 * SIZE
    request = b"POST /read HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body)
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    for sending in ([request + body], [request, *in_halves(body)], [CHUNKED, *in_bytes(pieces)]):
        assert statuses(await house.told(*sending)) == [b"200"]
    assert house.exceeded == []


async def test_fields_behind_a_body_have_the_same_limit(house: House) -> None:
    connection = await house.told(CHUNKED, b"1\r\nb\r\n0\r\n", b"x: " + b"y" * SIZE)
    assert sent(connection) == b"", "its request has not been answered"
    assert connection.transport.is_closing()
    assert house.exceeded == [HEAD_SIZE]


async def test_a_head_without_end_behind_an_unanswered_request_ends_both(house: House) -> None:
    connection = await house.told(WORK, ENDLESS)
    assert sent(connection) == b""
    assert connection.transport.is_closing()
    assert house.exceeded == [HEAD_SIZE]


async def test_a_head_that_does_not_come_to_its_end_in_time_is_answered_with_a_problem_and_the_end(
    house: House,
) -> None:
    connection = await house.told(b"GET / HTTP/1.1\r\n")
    for byte in b"x: y":
        connection.data_received(bytes([byte]))
    house.loop.ring()
    status, headers, body = parsed(sent(connection))
    assert status == b"HTTP/1.1 408 Request Timeout"
    assert (headers[b"connection"], headers[b"x-frame-options"]) == (b"close", b"DENY")
    assert json.loads(body) == {"status": 408}
    assert connection.transport.is_closing()
    assert house.exceeded == [HEAD_TIME]


async def test_who_says_nothing_at_all_has_the_same_time(house: House) -> None:
    connection = house.connection()
    house.loop.ring()
    assert statuses(connection) == [b"408"]
    assert connection.transport.is_closing()
    assert house.exceeded == [HEAD_TIME]


async def test_each_head_has_its_own_time(house: House) -> None:
    first, second = in_halves(QUESTION)
    connection = await house.told(first)
    (clock,) = house.loop.clocks
    connection.data_received(second)
    assert house.loop.clocks == []
    connection.data_received(first)
    (another,) = house.loop.clocks
    assert another is not clock
    connection.data_received(second)
    assert house.loop.clocks == []
    await house.pause()
    assert statuses(connection) == [b"200", b"200"]


async def test_requests_that_come_in_one_piece_set_no_clock(house: House) -> None:
    connection = await house.told(QUESTION)
    before = len([timer for timer in house.loop.timers if timer.seconds == SECONDS])
    for _ in range(3):
        connection.data_received(QUESTION)
        await house.pause()
    assert statuses(connection) == [b"200"] * 4
    assert len([timer for timer in house.loop.timers if timer.seconds == SECONDS]) == before == 1


async def test_the_time_does_not_pass_while_the_client_waits_for_us(house: House) -> None:
    connection = await house.told(WORK + QUESTION + b"GET /")
    house.loop.ring()
    assert not connection.transport.is_closing()
    house.let_go.set()
    await house.pause()
    assert statuses(connection) == [b"200", b"200"]
    house.loop.ring()
    assert statuses(connection) == [b"200", b"200", b"408"]


async def test_the_rest_of_a_body_that_nobody_wanted_has_the_same_time(house: House) -> None:
    connection = await house.told(b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\n")
    assert statuses(connection) == [b"200"]
    connection.data_received(b"bod")
    house.loop.ring()
    assert statuses(connection) == [b"200"], "one answer is enough"
    assert connection.transport.is_closing()
    assert house.exceeded == []


async def test_a_connection_goes_on_after_a_body_that_nobody_wanted(house: House) -> None:
    connection = await house.told(b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\n")
    connection.data_received(b"body")
    connection.data_received(QUESTION)
    await house.pause()
    assert statuses(connection) == [b"200", b"200"]
    assert house.loop.clocks == []


async def test_empty_lines_keep_no_connection_open(house: House) -> None:
    connection = await house.told(QUESTION, b"\r\n")
    connection.data_received(b"\r\n")
    house.loop.ring()
    assert connection.transport.is_closing()


async def test_what_is_no_request_is_told_so_once(house: House) -> None:
    connection = await house.told(b"HELLO\r\n\r\n" + b"x" * SIZE)
    house.loop.ring()
    assert statuses(connection) == [b"400"]
    assert house.exceeded == []


async def test_a_client_that_does_not_read_is_left(house: House) -> None:
    connection = await house.told(QUESTION)
    connection.pause_writing()
    house.loop.ring(PATIENCE)
    assert cast("Wire", connection.transport).is_aborted
    assert house.exceeded == [ANSWER_TIME]


async def test_a_client_that_reads_on_is_answered_on(house: House) -> None:
    connection = await house.told(QUESTION)
    for _ in range(2):
        connection.pause_writing()
        connection.resume_writing()
    assert house.loop.set_to(PATIENCE) == []


async def test_a_client_that_left_is_not_waited_for(house: House) -> None:
    connection = await house.told(QUESTION)
    connection.pause_writing()
    connection.connection_lost(None)
    assert house.loop.set_to(PATIENCE) == []


@pytest.mark.parametrize("behind", [b"", QUESTION, QUESTION + WORK])
async def test_whoever_is_being_answered_when_the_client_leaves_hears_of_it(
    house: House, behind: bytes
) -> None:
    connection = await house.told(QUESTION + WORK + behind)
    connection.connection_lost(None)
    house.let_go.set()
    await house.pause()
    assert statuses(connection) == [b"200"], "to the first"
    assert house.served == ["/", "/work"]
    assert house.left == ["/work"]


async def test_a_connection_is_not_ended_that_somebody_else_has_taken_over(house: House) -> None:
    connection = await house.told(QUESTION)
    connection.pause_writing()
    connection.data_received(UPGRADE + b"\r\n")
    house.loop.ring(PATIENCE)
    assert not connection.transport.is_closing()
    assert house.exceeded == []


async def test_an_upgraded_connection_has_no_clock(house: House) -> None:
    connection = await house.told(*in_halves(UPGRADE + b"\r\n"))
    conversation = cast("Wire", connection.transport).protocol
    assert isinstance(conversation, Conversation)
    assert conversation.heard.startswith(b"GET /chat HTTP/1.1\r\n")
    assert house.loop.clocks == []


async def test_a_head_that_is_too_large_upgrades_nothing_and_says_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    connection = await house.told(UPGRADE + b"x: " + b"y" * SIZE + b"\r\n\r\n")
    assert caplog.messages == []
    assert statuses(connection) == [b"431"]
    assert connection.transport.is_closing()


class AnsweringAtOnce(BoundedConnection):
    """As a door does."""

    def on_head(self) -> None:
        self.answer(503, b"content-length: 0\r\n", b"")
        self.on_response_complete()


async def test_an_upgrade_that_nobody_knows_is_a_request(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    connection = await house.told(UPGRADE.replace(b"websocket", b"h2c") + b"\r\n")
    assert statuses(connection) == [b"200"]
    assert caplog.messages == []


async def test_who_was_answered_before_there_was_a_task_is_idle(house: House) -> None:
    house.kind = AnsweringAtOnce
    connection = await house.told(QUESTION)
    assert statuses(connection) == [b"503"]
    assert house.loop.clocks == [], "the server closes idle connections"


async def test_other_applications_have_no_limits() -> None:
    house = House(is_bounded=False)
    connection = await house.told(*in_halves(head(3 * SIZE)), with_fields(3 * FIELDS), ENDLESS)
    assert statuses(connection) == [b"200", b"200"]
    connection.pause_writing()
    connection.resume_writing()
    assert house.loop.clocks == house.loop.set_to(PATIENCE) == []
    assert not connection.transport.is_closing()
    connection.connection_lost(None)
