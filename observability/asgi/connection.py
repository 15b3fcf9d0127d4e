"""One WebSocket, as it passes between server and application."""

from time import perf_counter

from starlette.types import Message, Receive, Send

from observability.asgi.exchange import Owner
from observability.context import RequestRecord, Scope
from observability.logs.canonical import request_over
from observability.tracing.server_span import Ending

# RFC 6455, 7.1.5: no close frame was seen.
_ABNORMAL = 1006
_NORMAL = 1000
_OK = 200
_FORBIDDEN = 403
_SERVER_ERROR = 500
_INTERNAL_ERROR = 1011


class Connection(RequestRecord):
    """The `receive` and `send` of one WebSocket, and its record."""

    _has_sent = False
    _is_accepted = False
    _code = 0

    def __init__(self, owner: Owner, scope: Scope, receive: Receive, send: Send) -> None:
        self.started_at = perf_counter()
        trace_number, parent_id, is_sampled = owner.decide(scope)
        super().__init__(trace_number, parent_id, is_sampled=is_sampled)
        self.is_traced = owner.is_traced
        self.recorders = owner.recorders
        self.scope = scope
        self._owner = owner
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._close(message.get("code", _ABNORMAL), by_client=True)
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            self._is_accepted = True
            self._owner.route_of(self.scope).websocket_opened()
        elif kind == "websocket.send":
            self._has_sent = True
        elif kind == "websocket.close":
            self._close(message.get("code", _NORMAL) if self._is_accepted else _FORBIDDEN)
        elif kind == "websocket.http.response.start":
            self._close(message["status"])
        try:
            await self._send(message)
        except OSError:
            # How the ASGI specification (2.4) says that the client is gone; its code is still to be heard.
            while not self._code:
                await self.receive()
            raise

    def close(self) -> None:
        """The application returned or raised."""
        self._close(_ABNORMAL if self._is_accepted else _SERVER_ERROR, has_failed=True)

    def report(self, error: BaseException | None) -> None:
        """Log it."""
        request_over(self, "websocket", self._code, self.ended_at - self.started_at, error)

    def ending(self, error: BaseException | None) -> Ending:
        """How the WebSocket ended, which raised this error."""
        return Ending(_OK if self._has_sent else 0, error=error)

    def _close(self, code: int, *, by_client: bool = False, has_failed: bool = False) -> None:
        if self._code:
            return
        self._code = code
        owner = self._owner
        self.ended_at = now = perf_counter()
        route = owner.route_of(self.scope)
        self.route = route.template
        # How long it stays open is up to its client.
        status = _SERVER_ERROR if has_failed or code == _INTERNAL_ERROR else 0
        self.is_kept = owner.keeps(self, route.template, status, 0.0)
        route.websocket_closed(code, now - self.started_at, was_open=self._is_accepted, by_client=by_client)
