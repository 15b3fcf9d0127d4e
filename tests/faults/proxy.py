"""A TCP proxy, and all that can go wrong on the way to the server behind it."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

CHUNK = 65536
FLUSH_SECONDS = 1.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Network(StrEnum):
    """What lies between a client and a server."""

    FINE = "fine"
    SLOW = "slow"
    # Nothing arrives until it is fine again; then all of it does, as TCP sends again what was not confirmed.
    BLACK_HOLE = "black hole"
    # What is sent is lost, and the connection with it: neither side is ever told.
    HALF_OPEN = "half-open"
    # Questions arrive and are acted upon; the answers are lost, and the connection with them.
    DEAF = "answers lost"
    # Every connection is reset, new ones, too.
    RESET = "reset"
    # Every answer is cut off in the middle by a reset.
    CUT = "cut off"


_RESETTING = frozenset({Network.RESET, Network.CUT})


class _Line:
    """A client's connection to the proxy, and that of the proxy to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.is_dead = False
        self.is_deaf = False


class Proxy:
    """Passes bytes on as the network allows it."""

    def __init__(self, server_port: int, *, delay: float = 0.05) -> None:
        """`delay` is how many seconds a slow network takes for each piece of what is sent."""
        self.port = 0
        self._server_port = server_port
        self._delay = delay
        self._network = Network.FINE
        self._is_passing = asyncio.Event()
        self._is_passing.set()
        self._lines = set[_Line]()
        self._tasks = set[asyncio.Task[None]]()

    @property
    def network(self) -> Network:
        return self._network

    def become(self, network: Network) -> None:
        """From now on the network is like this, for connections that exist, too."""
        self._network = network
        if network is Network.BLACK_HOLE:
            self._is_passing.clear()
        else:
            self._is_passing.set()
        if network is Network.HALF_OPEN:
            for line in self._lines:
                line.is_dead = True
        if network is Network.RESET:
            for line in self._lines:
                if not line.client.is_closing():
                    _reset_when_closed(line.client)
                    line.client.transport.abort()

    def say(self, answer: bytes) -> None:
        """Give each client an answer that no server gave."""
        for line in self._lines:
            line.client.write(answer)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        """Takes connections until the end of the block, and ends all of them then."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._is_passing.wait()
            if self._network is not Network.RESET:
                await self._connect(reader, writer)
        finally:
            if self._network in _RESETTING and not writer.is_closing():
                _reset_when_closed(writer)
            await _end(writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            return
        line = _Line(writer, server)
        self._lines.add(line)
        asking = asyncio.create_task(self._ask(line, reader))
        answering = asyncio.create_task(self._answer(line, answers))
        try:
            await asyncio.wait((asking, answering), return_when=asyncio.FIRST_COMPLETED)
            if line.is_dead:
                await asking  # the server's end is one more thing that the client is not told
        finally:
            self._lines.discard(line)
            asking.cancel()
            answering.cancel()
            await asyncio.gather(asking, answering, return_exceptions=True)
            await _end(server)

    async def _ask(self, line: _Line, questions: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while question := await questions.read(CHUNK):
                await self._travel(line)
                line.is_deaf = line.is_deaf or self._network is Network.DEAF
                if not line.is_dead:
                    line.server.write(question)
                    await line.server.drain()

    async def _answer(self, line: _Line, answers: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while answer := await answers.read(CHUNK):
                await self._travel(line)
                if self._network is Network.CUT:
                    line.client.write(answer[: len(answer) // 2])
                    await line.client.drain()
                    return
                if not (line.is_dead or line.is_deaf):
                    line.client.write(answer)
                    await line.client.drain()

    async def _travel(self, line: _Line) -> None:
        if self._network is Network.SLOW:
            await asyncio.sleep(self._delay)
        await self._is_passing.wait()
        if self._network is Network.HALF_OPEN:
            line.is_dead = True


def _reset_when_closed(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


async def _end(writer: asyncio.StreamWriter) -> None:
    """Close the connection when all is written, or without that if nobody reads it."""
    writer.close()
    with suppress(OSError):
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await writer.wait_closed()
        except TimeoutError:
            writer.transport.abort()
            await writer.wait_closed()
