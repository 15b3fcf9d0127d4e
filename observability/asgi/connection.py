"""One WebSocket, as it passes between server and application."""

from time import perf_counter

from starlette.types import Message, Receive, Send

from observability.asgi.exchange import Owner
from observability.context import RequestRecord
from observability.logs.canonical import request_over
from observability.tracing.server import Past

# RFC 6455, 7.1.5: no close frame was seen.
_ABNORMAL = 1006
_NORMAL = 1000
_FORBIDDEN = 403
_SERVER_ERROR = 500
_INTERNAL_ERROR = 1011


class Connection:
    """The `receive` and `send` of one WebSocket."""

    __slots__ = (
        "_code",
        "_has_sent",
        "_is_accepted",
        "_owner",
        "_receive",
        "_record",
        "_send",
        "_started_at",
    )

    def __init__(self, owner: Owner, record: RequestRecord, receive: Receive, send: Send) -> None:
        self._started_at = record.started_at = perf_counter()
        self._owner = owner
        self._record = record
        self._receive = receive
        self._send = send
        self._is_accepted = False
        self._has_sent = False
        self._code = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._close(message.get("code", _ABNORMAL))
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            self._is_accepted = True
            self._owner.route_of(self._record.scope).websocket_opened()
        elif kind == "websocket.send":
            self._has_sent = True
        elif kind == "websocket.close":
            self._close(message.get("code", _NORMAL) if self._is_accepted else _FORBIDDEN)
        elif kind == "websocket.http.response.start":
            self._close(message["status"])
        await self._send(message)

    def close(self) -> None:
        """The application returned or raised."""
        self._close(_ABNORMAL if self._is_accepted else _SERVER_ERROR, has_failed=True)

    def report(self, error: BaseException | None) -> None:
        """Log it."""
        record = self._record
        request_over(record, "websocket", self._code, record.ended_at - self._started_at, error)

    def past(self, error: BaseException | None) -> Past:
        """What became of the WebSocket, which raised this error in the end."""
        sent: list[Message] = [{"type": "websocket.send"}] if self._has_sent else []
        return Past(sent, error)

    def _close(self, code: int, *, has_failed: bool = False) -> None:
        if self._code:
            return
        self._code = code
        record, owner = self._record, self._owner
        record.ended_at = now = perf_counter()
        route = owner.route_of(record.scope)
        record.route = route.template
        # How long it stays open is up to its client.
        status = _SERVER_ERROR if has_failed or code == _INTERNAL_ERROR else 0
        record.is_kept = owner.keeps(record, route.template, status, 0.0)
        route.websocket_closed(code, now - self._started_at, was_open=self._is_accepted)
