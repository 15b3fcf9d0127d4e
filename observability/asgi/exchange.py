"""One HTTP request and its response, as they pass between server and application, and the account of it."""

from time import perf_counter
from typing import Protocol

from starlette.types import Message, Receive, Send

from observability import context
from observability.asgi.headers import Dress, Headers
from observability.context import RequestRecord, Scope
from observability.logs.canonical import request_over
from observability.metrics.http import SERVER_ERROR, Outcome, RouteMetrics
from observability.metrics.recorders import Recorders
from observability.tracing.sampling import Start
from observability.tracing.server_span import Ending

_START, _BODY = "http.response.start", "http.response.body"
_LAST = frozenset({_BODY, "http.response.pathsend"})


class Owner(Protocol):
    """What an exchange needs of the middleware that made it."""

    dress: Dress
    least_slow: float
    is_traced: bool
    recorders: Recorders

    def decide(self, scope: Scope) -> Start: ...

    def route_of(self, scope: Scope) -> RouteMetrics: ...

    def request_over(self) -> None: ...

    def keeps(self, record: RequestRecord, route: str, status: int, seconds: float) -> bool: ...


class Exchange(RequestRecord):
    """The `receive` and `send` of one request, which its application calls instead of the server's, and its record."""

    _status = SERVER_ERROR
    _has_started = False
    _headers: Headers = ()
    _has_streamed = False
    _client_left = False
    _is_ending = False
    _is_answered = False
    _is_over = False
    _sent_status = 0
    _outcome: Outcome = "completed"

    def __init__(self, owner: Owner, scope: Scope, receive: Receive, send: Send) -> None:
        self.started_at = perf_counter()
        # What `RequestRecord` does, without a call: each request pays for it.
        self.trace_number, self.parent_id, self.is_sampled = owner.decide(scope)
        self.is_traced = owner.is_traced
        self.recorders = owner.recorders
        self.scope = scope
        self._owner = owner
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            if self._is_ending:
                # Some servers say so of each answer that is complete, while its last message is still being sent.
                self._is_answered = True
            else:
                self._client_left = True
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        is_last = kind in _LAST and not message.get("more_body")
        if kind == _START:
            message = self._begin(message)
        # What a server starts with the last message, such as the clock of an idle connection, keeps the context that it
        # finds: this request, with all that it refers to, would stay in memory until the next one comes.
        here = context.current() if is_last else None
        if is_last:
            self._is_ending = True
            context.enter(None)
        try:
            await self._send(message)
        except OSError:
            # How the ASGI specification (2.4) says that the client is gone.
            self._client_left = True
            raise
        finally:
            if is_last:
                context.enter(here)
        if is_last:
            if not self._is_over:
                self._end("shed" if self.is_shed else "completed")
        elif kind == _BODY:
            self._stream(message)

    def close(self) -> None:
        """The application returned or raised: a response that is not out by now never will be."""
        if not self._is_over:
            completed: Outcome = "shed" if self.is_shed else "completed"
            self._end(completed if self._is_answered else "aborted")

    def report(self, error: BaseException | None) -> None:
        """Log it."""
        request_over(self, self._outcome, self._status, self.ended_at - self.started_at, error)

    def ending(self, error: BaseException | None) -> Ending:
        """How the request ended, which raised this error in the end."""
        status = (self._sent_status or self._status) if self._has_started else 0
        # An error after a good response was a background task's.
        is_because = self._sent_status or status >= SERVER_ERROR
        return Ending(status, self._headers, error if is_because else None)

    def _begin(self, message: Message) -> Message:
        self._status = message["status"]
        self._has_started = True
        headers = message.get("headers", ())
        # Any iterable will do for the specification, and it is read more than once here.
        self._headers = headers = headers if isinstance(headers, list) else list(headers)
        seconds = perf_counter() - self.started_at
        return {**message, "headers": self._owner.dress(headers, self, seconds)}

    def _stream(self, message: Message) -> None:
        # A length declared up front means an ordinary response that some middleware passes on in pieces.
        if self._has_streamed or not message.get("body"):
            return
        self._has_streamed = True
        if not any(name == b"content-length" for name, _ in self._headers):
            self._owner.route_of(self.scope).stream_started(perf_counter() - self.started_at)

    def _end(self, outcome: Outcome) -> None:
        self._is_over = True
        owner = self._owner
        self.ended_at = now = perf_counter()
        route = owner.route_of(self.scope)
        self.route = template = route.template
        owner.request_over()
        # Uvicorn drops what is sent to a client that left, and tells only on the object behind `send`.
        has_left = (
            self._client_left or getattr(getattr(self._send, "__self__", None), "disconnected", False) is True
        )
        if outcome == "aborted":
            self._break_off(has_left)
        if self.limit:
            route.limit_exceeded(self.limit)
        seconds = now - self.started_at
        # Before anything is recorded: an exemplar leads to a trace that is kept.
        if self.is_sampled or seconds > owner.least_slow or self._status >= SERVER_ERROR:
            self.is_kept = owner.keeps(self, template, self._status, seconds)
        if has_left:
            self._outcome = "client_disconnected"
            route.client_left()
        else:
            self._outcome = outcome
            route.request_answered(outcome, self.scope["method"], self._status, seconds, self)

    def _break_off(self, has_left: bool) -> None:  # noqa: FBT001  private
        """No failure of ours, if nobody was there to hear the end."""
        if not has_left:
            self._sent_status, self._status = self._status, SERVER_ERROR
        elif not self._has_started:
            self._status = 0
