import asyncio
from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import Any

import pytest

from tests.benchmarks.load import Client, Outcome

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
BAD = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None: ...


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def client(wire: Wire) -> Client:
    client = Client(cycle([b"first", b"second"]))
    client.connection_made(wire)
    return client


def test_a_hurried_client_asks_again_when_it_is_answered(client: Client, wire: Wire) -> None:
    client.hurry()
    assert wire.written == [b"first"]
    client.data_received(GOOD[:10])
    assert wire.written == [b"first"]
    client.data_received(GOOD[10:])
    assert wire.written == [b"first", b"second"]
    assert len(client.latencies) == 1


def test_a_bad_answer_is_an_error_and_has_no_latency(client: Client) -> None:
    client.hurry()
    client.data_received(BAD)
    assert (client.errors, client.latencies) == (1, [])


def test_a_lost_connection_is_an_error_and_one_that_the_client_closed_is_not(client: Client) -> None:
    client.connection_lost(None)
    assert client.errors == 1
    client.leave()
    client.connection_lost(None)
    assert client.errors == 1


class Clock:
    """An event loop's time and timers, which pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self._timers: list[Callable[[], None]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, _moment: float, call: Callable[..., None], *arguments: Any) -> None:
        self._timers.append(partial(call, *arguments))

    def pass_until(self, moment: float) -> None:
        self.now = moment
        self._timers.pop()()


def test_a_paced_client_counts_the_wait_of_a_request_behind_a_slow_answer(
    client: Client, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    monkeypatch.setattr("tests.benchmarks.load.perf_counter", clock.time)
    client.pace(period=1.0, first=0.5)
    assert wire.written == []
    clock.pass_until(0.5)
    clock.pass_until(1.5)
    assert wire.written == [b"first"]
    clock.now = 4.0
    client.data_received(GOOD)
    assert wire.written == [b"first", b"second"]
    clock.now = 4.25
    client.data_received(GOOD)
    assert client.latencies == [3.5, 2.75]


def test_percentiles_and_rates_are_those_of_the_good_answers() -> None:
    outcome = Outcome(2.0, tuple(range(1, 101)), errors=3, refused=1, unanswered=0, client_cpu=0.1)
    assert outcome.rate == 50.0
    assert outcome.percentile(0.5) == 51
    assert outcome.percentile(0.99) == 100
    assert outcome.percentile(1.0) == 100
