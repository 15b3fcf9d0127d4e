from collections.abc import Awaitable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Refuses to read larger bodies than this, declared or sent.

    FastAPI's own limit answers in plain text, past the application's error handlers.
    """

    def __init__(self, app: ASGIApp, *, max_body_size: int) -> None:
        self.app = app
        self._max_body_size = max_body_size

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Hand the call on; not a coroutine of its own, which every request would pay for."""
        if scope["type"] == "http":
            receive = self._limited(receive)
        return self.app(scope, receive, send)

    def _limited(self, receive: Receive) -> Receive:
        size = 0

        async def limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._max_body_size:
                raise HTTPException(413, f"Send no more than {self._max_body_size:,} bytes")
            return message

        return limited
