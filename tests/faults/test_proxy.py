"""The proxy is as bad as it says, and as good as a wire when nothing is wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from tests.faults.proxy import Network, Proxy

# What nobody should need, however busy the machine is; and what is long enough to see that nothing comes.
DEADLINE, A_WHILE = 30.0, 0.05


@dataclass
class Echo:
    """A server that says what it hears, and remembers it."""

    port: int = 0
    heard: bytearray = field(default_factory=bytearray)
    has_heard: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.create_task(self._echo(reader, writer)))

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while said := await reader.read(1024):
                self.heard += said
                self.has_heard.set()
                writer.write(said)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class Connection:
    """A client's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def say(self, words: bytes) -> None:
        self._writer.write(words)

    async def hear(self, count: int) -> bytes:
        async with asyncio.timeout(DEADLINE):
            return await self._reader.readexactly(count)

    async def hears_nothing(self) -> bool:
        try:
            async with asyncio.timeout(A_WHILE):
                await self._reader.read(1)
        except TimeoutError:
            return True
        return False

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    echo = Echo()
    server = await asyncio.start_server(echo.accept, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    yield echo
    server.close()
    await asyncio.gather(*echo.tasks)


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[Proxy]:
    async with Proxy(echo.port).listening() as proxy:
        yield proxy


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[Connection]:
    connection = Connection(*await asyncio.open_connection("127.0.0.1", proxy.port))
    try:
        yield connection
    finally:
        await connection.close()


async def test_what_is_said_arrives_and_is_answered_however_long_it_is(proxy: Proxy) -> None:
    words = b"x" * 1_000_000
    async with connected(proxy) as connection:
        connection.say(words)
        assert await connection.hear(len(words)) == words


async def test_a_server_that_is_gone_is_a_connection_that_ends() -> None:
    async with Proxy(1).listening() as nowhere, connected(nowhere) as connection:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await connection.hear(1)


async def test_a_slow_network_delivers(proxy: Proxy) -> None:
    async with connected(proxy) as connection:
        proxy.become(Network.SLOW)
        connection.say(b"late")
        assert await connection.hear(4) == b"late"


async def test_a_black_hole_gives_back_what_it_took(proxy: Proxy, echo: Echo) -> None:
    async with connected(proxy) as old:
        old.say(b"1")
        assert await old.hear(1) == b"1"
        proxy.become(Network.BLACK_HOLE)
        async with connected(proxy) as new:
            old.say(b"2")
            new.say(b"3")
            assert await old.hears_nothing()
            assert await new.hears_nothing()
            assert echo.heard == b"1"
            proxy.become(Network.FINE)
            assert (await old.hear(1), await new.hear(1)) == (b"2", b"3")


async def test_a_half_open_connection_stays_dead_and_says_nothing(proxy: Proxy, echo: Echo) -> None:
    async with connected(proxy) as old:
        proxy.become(Network.HALF_OPEN)
        old.say(b"1")
        assert await old.hears_nothing()
        proxy.become(Network.FINE)
        old.say(b"2")
        assert await old.hears_nothing()
        assert not echo.heard
        async with connected(proxy) as new:
            new.say(b"3")
            assert await new.hear(1) == b"3"


async def test_lost_answers_are_answers_to_questions_that_arrived(proxy: Proxy, echo: Echo) -> None:
    async with connected(proxy) as connection:
        proxy.become(Network.DEAF)
        connection.say(b"do it")
        async with asyncio.timeout(DEADLINE):
            await echo.has_heard.wait()
        assert await connection.hears_nothing()
        proxy.become(Network.FINE)
        assert await connection.hears_nothing()


async def test_a_reset_ends_connections_that_exist_and_new_ones_until_it_is_over(proxy: Proxy) -> None:
    async with connected(proxy) as old:
        old.say(b"1")
        assert await old.hear(1) == b"1"
        proxy.become(Network.RESET)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await old.hear(1)
        async with connected(proxy) as new:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await new.hear(1)
        proxy.become(Network.FINE)
        async with connected(proxy) as newer:
            newer.say(b"2")
            assert await newer.hear(1) == b"2"


async def test_a_cut_comes_in_the_middle_of_an_answer(proxy: Proxy, echo: Echo) -> None:
    async with connected(proxy) as connection:
        proxy.become(Network.CUT)
        connection.say(b"whole")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await connection.hear(5)
        assert echo.heard == b"whole"


async def test_a_proxy_that_ends_ends_what_goes_through_it(echo: Echo) -> None:
    async with Proxy(echo.port).listening() as proxy:
        connection = Connection(*await asyncio.open_connection("127.0.0.1", proxy.port))
        connection.say(b"1")
        assert await connection.hear(1) == b"1"
        proxy.become(Network.BLACK_HOLE)
        connection.say(b"2")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await connection.hear(1)
    await connection.close()
