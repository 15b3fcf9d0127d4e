"""One HTTP request and its response, as they pass between server and application."""

from time import perf_counter
from typing import Protocol

from starlette.types import Message, Receive, Send

from observability.asgi.headers import Dress, Headers
from observability.context import RequestRecord, Scope
from observability.logs.canonical import request_over
from observability.metrics.http import SERVER_ERROR, Outcome, RouteMetrics
from observability.tracing.server import Past


class Owner(Protocol):
    """What an exchange needs of the middleware that made it."""

    dress: Dress
    least_slow: float

    def route_of(self, scope: Scope) -> RouteMetrics: ...

    def request_over(self) -> None: ...

    def keeps(self, record: RequestRecord, route: str, status: int, seconds: float) -> bool: ...


class Exchange:
    """The `receive` and `send` of one request, which its application calls instead of the server's."""

    _status = SERVER_ERROR
    _has_started = False
    _headers: Headers = ()
    _has_streamed = False
    _client_left = False
    _is_over = False
    _sent_status = 0
    _outcome: Outcome = "completed"

    def __init__(self, owner: Owner, record: RequestRecord, receive: Receive, send: Send) -> None:
        self._started_at = record.started_at = perf_counter()
        self._owner = owner
        self._record = record
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._client_left = True
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            message = self._begin(message)
        try:
            await self._send(message)
        except OSError:
            # How the ASGI specification (2.4) says that the client is gone.
            self._client_left = True
            raise
        if kind == "http.response.start":
            return
        if kind == "http.response.body" and message.get("more_body"):
            self._stream(message)
        elif kind in {"http.response.body", "http.response.pathsend"}:
            self._end("shed" if self._record.is_shed else "completed")

    def close(self) -> None:
        """The application returned or raised: a response that is not out by now never will be."""
        if not self._is_over:
            self._sent_status, self._status = self._status, SERVER_ERROR
            self._end("aborted")

    def report(self, error: BaseException | None) -> None:
        """Log it."""
        record = self._record
        request_over(record, self._outcome, self._status, record.ended_at - self._started_at, error)

    def past(self, error: BaseException | None) -> Past:
        """What became of the request, which raised this error in the end."""
        status = self._sent_status or self._status
        began: list[Message] = [{"type": "http.response.start", "status": status, "headers": self._headers}]
        if self._sent_status:
            return Past(began if self._has_started else (), error)
        response: list[Message] = [*began, {"type": "http.response.body"}]
        # An error after a good response was a background task's.
        return Past(error=error, answer=response) if error and status >= SERVER_ERROR else Past(response)

    def _begin(self, message: Message) -> Message:
        self._status = message["status"]
        self._has_started = True
        headers = message.get("headers", ())
        # Any iterable will do for the specification, and it is read more than once here.
        self._headers = headers = headers if isinstance(headers, list) else list(headers)
        seconds = perf_counter() - self._started_at
        return {**message, "headers": self._owner.dress(headers, self._record, seconds)}

    def _stream(self, message: Message) -> None:
        # A length declared up front means an ordinary response that some middleware passes on in pieces.
        if self._has_streamed or not message.get("body"):
            return
        self._has_streamed = True
        if not any(name == b"content-length" for name, _ in self._headers):
            self._owner.route_of(self._record.scope).stream_started(perf_counter() - self._started_at)

    def _end(self, outcome: Outcome) -> None:
        self._is_over = True
        record, owner = self._record, self._owner
        record.ended_at = now = perf_counter()
        route = owner.route_of(record.scope)
        record.route = route.template
        owner.request_over()
        if record.limit:
            route.limit_exceeded(record.limit)
        seconds = now - self._started_at
        # Before anything is recorded: an exemplar leads to a trace that is kept.
        if record.is_sampled or seconds > owner.least_slow or self._status >= SERVER_ERROR:
            record.is_kept = owner.keeps(record, route.template, self._status, seconds)
        # Uvicorn drops what is sent to a client that left, and tells only on the object behind `send`.
        if self._client_left or getattr(getattr(self._send, "__self__", None), "disconnected", False) is True:
            self._outcome = "client_disconnected"
            route.client_left()
        else:
            self._outcome, method = outcome, record.scope["method"]
            route.request_answered(outcome, method, self._status, seconds, record)
