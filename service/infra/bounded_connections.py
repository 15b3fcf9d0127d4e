"""Connections of uvicorn's that wait neither for ever nor for everything.

Its parser keeps whatever it is sent until the head of a request is complete, and nobody looks at the clock: a client that sends
one header without end, or a byte a minute, would cost memory or a connection for as long as it likes. So would one that does not
read: its answer stays in memory, and what sends it waits, past the deadline of its request.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from observability.conventions import ANSWER_TIME, HEAD_SIZE, HEAD_TIME

# Its key in the state that an application's lifespan gives to its server.
CONNECTION_LIMITS = "connection_limits"

_AROUND_THE_PATH = len(b"  HTTP/1.1\r\n\r\n")
_AROUND_A_FIELD = len(b": \r\n")


@dataclass(frozen=True, slots=True)
class Farewell:
    """The last answer on a connection; called, the application that gives it."""

    status: int
    media_type: str
    body: bytes

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"content-type", self.media_type.encode()),
            (b"content-length", b"%d" % len(self.body)),
            (b"connection", b"close"),
        ]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer whatever is asked."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What clients may do. Times are in seconds.

    Attributes:
        head_size: Bytes of a request's line and its fields together.
        head_fields: How many of them there may be.
        head_time: From the first byte of these (on a new connection: from its beginning) to the last.
        answer_time: Without reading on, when more is to be sent than there is room for on the way.
        too_large: Answered to more bytes or fields than that.
        too_slow: Answered to what is not here by then.
        exceeded: Told the name of each limit that put an end to a connection.
    """

    head_size: int
    head_fields: int
    head_time: float
    answer_time: float
    too_large: Farewell
    too_slow: Farewell
    exceeded: Callable[[str], None]


class BoundedConnection(HttpToolsProtocol):
    """A connection that keeps to the limits of its application, if it has any.

    A head that comes in one piece costs a few comparisons: there is a clock only while a connection waits for the rest of one.
    """

    # Of the last head that was read to its end.
    _complete_headers: list[tuple[bytes, bytes]] | None = None
    # Bytes that came last, and since the parser told anything of what came.
    _piece = _untold = 0
    _clock: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _limits: ConnectionLimits | None = None
    # Being answered; `cycle` is the request that was read last.
    _running: RequestResponseCycle | None = None
    _is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self.cycle = cast("RequestResponseCycle", _Answered)
        self._limits = self.app_state.get(CONNECTION_LIMITS)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._stop_clock()
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)
        if self._running is not None and not self._running.response_complete:
            # Uvicorn tells the last request alone, and answers none that waits for this one.
            self._running.disconnected = True
            self._running.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Read on; what is left of a head that is not complete has its time."""
        self._piece = len(data)
        self._untold += self._piece
        super().data_received(data)
        if self._untold or self.headers is not self._complete_headers or self.cycle.response_complete:
            self._keep_within_limits()

    def on_headers_complete(self) -> None:
        """Hand on what keeps to the limits, and answer the rest in its turn."""
        limits, came_in_one_piece = self._limits, self._clock is None
        self._complete_headers = headers = self.headers
        self._untold = 0
        self._stop_clock()
        if limits is None or (
            len(headers) <= limits.head_fields
            # Most heads are smaller than what they came in: nothing is added up for them.
            and (
                (came_in_one_piece and self._piece <= limits.head_size)
                or self._size_of_head() <= limits.head_size
            )
        ):
            self.on_head()
        else:
            self._refuse_head(limits)

    # Called when a head keeps to the limits: what uvicorn does with every head.
    on_head = HttpToolsProtocol.on_headers_complete

    def on_body(self, body: bytes) -> None:
        """Bodies have limits of their own."""
        self._untold = 0
        super().on_body(body)

    def pause_writing(self) -> None:
        """There is no room for more on the way to the client."""
        super().pause_writing()
        if self._limits is not None:
            self._unread = self.loop.call_later(self._limits.answer_time, self._leave_unread, self._limits)

    def resume_writing(self) -> None:
        """The client has read on."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    def answer(self, status: int, headers: bytes, body: bytes) -> None:
        """Send an answer with the server's own headers and these, each with its end of line."""
        ours = (b"%b: %b\r\n" % header for header in self.server_state.default_headers)
        self.transport.write(b"".join((STATUS_LINE[status], *ours, headers, b"\r\n", body)))

    @property
    def _is_in_head(self) -> bool:
        return self.headers is not self._complete_headers

    @property
    def _is_awaited(self) -> bool:
        """Whether it is the client's turn, and no clock of uvicorn's is set."""
        is_idle = self.cycle.response_complete and self.timeout_keep_alive_task is None
        return self._is_in_head or is_idle

    def _size_of_head(self) -> int:
        fields = sum(len(name) + len(value) + _AROUND_A_FIELD for name, value in self.headers)
        return len(self.parser.get_method()) + len(self.url) + _AROUND_THE_PATH + fields

    def _refuse_head(self, limits: ConnectionLimits) -> None:
        """Answer in its turn; it is the last request of this connection."""
        limits.exceeded(HEAD_SIZE)
        self._is_refused, self.app = True, limits.too_large
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _should_upgrade(self) -> bool:
        return not self._is_refused and super()._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """An upgrade that nobody offers is a client's wish, and the request is one like others (RFC 9110, 7.8)."""

    def _keep_within_limits(self) -> None:
        limits = self._limits
        # A connection that was handed on is none of the server's.
        if limits is None or self.transport.is_closing() or self not in self.connections:
            return
        if self._untold > limits.head_size:
            self._part(limits, limits.too_large, HEAD_SIZE)
        elif self._is_awaited:
            self._await_head()

    def _await_head(self) -> None:
        if self._limits is not None and self._clock is None:
            self._clock = self.loop.call_later(self._limits.head_time, self._look_at_clock, self._limits)

    def _look_at_clock(self, limits: ConnectionLimits) -> None:
        self._clock = None
        if self.transport.is_closing():
            return
        if not self.cycle.response_complete:
            # The client waits for an answer of ours, and until then we may not have read what it sent.
            self._await_head()
        elif self._is_in_head or self._complete_headers is None:
            self._part(limits, limits.too_slow, HEAD_TIME)
        else:
            # What came belongs to no request, such as the rest of a body that nobody wanted.
            self.transport.close()

    def _leave_unread(self, limits: ConnectionLimits) -> None:
        # Who takes a connection over hears whether its client reads.
        if self in self.connections:
            limits.exceeded(ANSWER_TIME)
            # To close it would wait for the client to read.
            self.transport.abort()

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _part(self, limits: ConnectionLimits, farewell: Farewell, limit: str) -> None:
        """Close the connection, with an answer if none of an earlier request is due."""
        limits.exceeded(limit)
        if self.cycle.response_complete:
            lines = b"".join(b"%b: %b\r\n" % header for header in farewell.headers)
            self.answer(farewell.status, lines, farewell.body)
        self.transport.close()


class _Answered:
    """What uvicorn looks at in the last request of a connection, for one that has had none."""

    response_complete = True
    message_event = asyncio.Event()
