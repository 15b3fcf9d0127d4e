"""The clients: keep-alive connections that do little more than count, so that the server is the bottleneck."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing.connection import Connection
from time import perf_counter, process_time
from typing import cast

import uvloop

from tests.benchmarks.responses import Responses
from tests.benchmarks.workers import next_question

_CONNECTS_AT_ONCE = 100
_LOOK_SECONDS = 0.1
_GOOD = range(200, 300)
_REFUSED = 503


@dataclass(frozen=True, slots=True)
class Stream:
    """What some of the clients do.

    Attributes:
        paths: Requested in turn, from another start on each connection.
        connections: How many.
        rate: Requests a second of all connections together; None sends the next when the last is answered.
    """

    paths: Sequence[str]
    connections: int
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """Streams that run together for so many seconds against a port of this machine.

    With patience they run so many seconds more, should a connection have no answer by then.
    """

    port: int
    seconds: float
    streams: tuple[Stream, ...]
    patience: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a stream.

    Attributes:
        seconds: How long it ran.
        latencies: Seconds of each good answer, sorted.
        errors: Bad answers, and connections that were lost.
        refused: How many of the bad answers were 503.
        unanswered: Connections without a single good answer.
        client_cpu: Share of a core that all streams together used: near 1, the load was the bottleneck.
    """

    seconds: float
    latencies: tuple[float, ...]
    errors: int
    refused: int
    unanswered: int
    client_cpu: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency in seconds that this share of the good answers kept."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]


def generate(pipe: Connection) -> None:
    """Answer each `Load` with the outcomes of its streams."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_answer(pipe))


async def _answer(pipe: Connection) -> None:
    pipe.send("ready")
    while (load := await asyncio.to_thread(next_question, pipe)) is not None:
        pipe.send(await run(load))


async def run(load: Load) -> list[Outcome]:
    """Connect all clients, let them go, and count."""
    crews = [await _crew(load.port, stream) for stream in load.streams]
    began, cpu = perf_counter(), process_time()
    for stream, crew in zip(load.streams, crews, strict=True):
        _let_go(stream, crew)
    await asyncio.sleep(load.seconds)
    # Thousands of connections would wake an event at each answer.
    while perf_counter() < began + load.seconds + load.patience and _are_waiting(crews):  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_SECONDS)
    seconds, cpu = perf_counter() - began, process_time() - cpu
    outcomes = [_outcome(crew, seconds, cpu / seconds) for crew in crews]
    for crew in crews:
        for client in crew:
            client.leave()
    return outcomes


def _are_waiting(crews: Iterable[Sequence["Client"]]) -> bool:
    return any(not (client.latencies or client.errors) for crew in crews for client in crew)


async def _crew(port: int, stream: Stream) -> list["Client"]:
    requests = [_request(path) for path in stream.paths]
    crew = [Client(islice(cycle(requests), n % len(requests), None)) for n in range(stream.connections)]
    for first in range(0, len(crew), _CONNECTS_AT_ONCE):
        await asyncio.gather(*(client.connect(port) for client in crew[first : first + _CONNECTS_AT_ONCE]))
    return crew


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n\r\n".encode()


def _let_go(stream: Stream, crew: Sequence["Client"]) -> None:
    for number, client in enumerate(crew):
        if stream.rate is None:
            client.hurry()
        else:
            client.pace(len(crew) / stream.rate, first=number / stream.rate)


def _outcome(crew: Sequence["Client"], seconds: float, client_cpu: float) -> Outcome:
    latencies = sorted(latency for client in crew for latency in client.latencies)
    unanswered = sum(not client.latencies for client in crew)
    errors, refused = sum(client.errors for client in crew), sum(client.refused for client in crew)
    return Outcome(seconds, tuple(latencies), errors, refused, unanswered, client_cpu)


class Client(asyncio.Protocol):
    """One connection, with one request on its way at most."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self.latencies: list[float] = []
        self.errors = self.refused = 0
        self._requests = requests
        self._responses = Responses()
        self._is_hurried = False
        self._has_left = False
        self._was_answered = asyncio.Event()
        # When the requests were due that are not answered yet; the first of them is on its way.
        self._due: deque[float] = deque()

    async def connect(self, port: int) -> None:
        """Connect, and wait for one answer, which does not count.

        Without it the server may not have accepted the connection yet when the load begins. Libuv accepts one
        connection each time its loop turns, and a turn becomes longer with every client that is served already.
        """
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)
        self._ask()
        await self._was_answered.wait()
        self.latencies.clear()
        self.errors = self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def hurry(self) -> None:
        """Send the next request whenever the last is answered."""
        self._is_hurried = True
        self._ask()

    def pace(self, period: float, first: float) -> None:
        """Send a request each period. One that has to wait for an earlier answer has that wait counted."""
        loop = asyncio.get_running_loop()
        loop.call_at(loop.time() + first, self._beat, loop, loop.time() + first, period)

    def leave(self) -> None:
        self._has_left = True
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        for status in self._responses.feed(data):
            seconds = perf_counter() - self._due.popleft()
            self._was_answered.set()
            if status in _GOOD:
                self.latencies.append(seconds)
            else:
                self.errors += 1
                self.refused += status == _REFUSED
            if self._is_hurried:
                self._ask()
            elif self._due:
                self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        self.errors += not self._has_left
        self._was_answered.set()

    def _beat(self, loop: asyncio.AbstractEventLoop, moment: float, period: float) -> None:
        if self._has_left:
            return
        self._ask()
        loop.call_at(moment + period, self._beat, loop, moment + period, period)

    def _ask(self) -> None:
        self._due.append(perf_counter())
        if len(self._due) == 1:
            self._send()

    def _send(self) -> None:
        self._transport.write(next(self._requests))
