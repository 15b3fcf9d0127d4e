from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Answers HEAD as GET would be answered, without the body (RFC 9110, 9.3.2): FastAPI's routes have no HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Hand the call on; not a coroutine of its own, which every request would pay for."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return self.app(scope, receive, send)
        inner = {**scope, "method": "GET"}
        return self.app(inner, receive, _without_body(inner, send))


def _without_body(scope: Scope, send: Send) -> Send:
    async def without_body(message: Message) -> None:
        if message["type"] == "http.response.start":
            scope["method"] = "HEAD"  # now that it is served: as that it is counted
        elif message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return without_body
