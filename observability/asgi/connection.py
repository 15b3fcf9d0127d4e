"""One WebSocket, as it passes between server and application."""

from time import perf_counter

from starlette.types import Message, Receive, Send

from observability.asgi.exchange import Owner
from observability.context import RequestRecord

# RFC 6455, 7.1.5: no close frame was seen.
_ABNORMAL = 1006
_NORMAL = 1000
_FORBIDDEN = 403
_SERVER_ERROR = 500


class Connection:
    """The `receive` and `send` of one WebSocket."""

    __slots__ = ("_code", "_is_accepted", "_owner", "_receive", "_record", "_send", "_started_at")

    def __init__(self, owner: Owner, record: RequestRecord, receive: Receive, send: Send) -> None:
        self._started_at = perf_counter()
        self._owner = owner
        self._record = record
        self._receive = receive
        self._send = send
        self._is_accepted = False
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
        elif kind == "websocket.close":
            self._close(message.get("code", _NORMAL) if self._is_accepted else _FORBIDDEN)
        elif kind == "websocket.http.response.start":
            self._close(message["status"])
        await self._send(message)

    def close(self) -> None:
        """The application returned or raised."""
        self._close(_ABNORMAL if self._is_accepted else _SERVER_ERROR)

    def _close(self, code: int) -> None:
        if self._code:
            return
        self._code = code
        route = self._owner.route_of(self._record.scope)
        route.websocket_closed(code, perf_counter() - self._started_at, was_open=self._is_accepted)
