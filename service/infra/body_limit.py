from collections.abc import Awaitable

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability import context
from observability.conventions import BODY_SIZE

_OWN_LIMIT = "glasshouse.max_body_size"


class BodyLimit:
    """Refuses to read larger bodies than this, declared or sent, unless the route has a limit of its own.

    FastAPI's own limit answers in plain text, past the application's error handlers.
    """

    def __init__(self, app: ASGIApp, *, max_body_size: int) -> None:
        self.app = app
        self._max_body_size = max_body_size

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Hand the call on; not a coroutine of its own, which every request would pay for."""
        if scope["type"] == "http":
            receive = self._limited(scope, receive)
        return self.app(scope, receive, send)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        size = 0

        async def limited() -> Message:
            nonlocal size
            # Known now: a route has said by then whether it has a limit of its own.
            limit = scope.get(_OWN_LIMIT, self._max_body_size)
            if size == 0 and _declared_size(scope) > limit:
                raise _too_large(limit)
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise _too_large(limit)
            return message

        return limited


def _declared_size(scope: Scope) -> int:
    """Servers have seen to it that it is a number."""
    return int(dict(scope["headers"]).get(b"content-length", 0))


def _too_large(limit: int) -> HTTPException:
    context.mark_limit(BODY_SIZE)
    return HTTPException(413, f"Send no more than {limit:,} bytes")


async def read_body(request: Request, max_body_size: int) -> bytes:
    """The body, with another limit than the application's: for routes without a body parameter."""
    request.scope[_OWN_LIMIT] = max_body_size
    try:
        return await request.body()
    except ClientDisconnect as error:
        raise HTTPException(400, "The body ended too early") from error
