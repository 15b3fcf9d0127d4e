from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Lets routes for GET answer HEAD too (RFC 9110, 9.3.2), which FastAPI's do not; servers leave the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Hand the call on; not a coroutine of its own, which every request would pay for."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return self.app(scope, receive, send)
        inner = {**scope, "method": "GET"}

        async def counted_as_head(message: Message) -> None:
            inner["method"] = "HEAD"
            await send(message)

        return self.app(inner, receive, counted_as_head)
