"""Who is let in, and for how long: what keeps a process useful when more is asked of it than it can do."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability import context
from service.errors import Unavailable

# Methods whose requests have no body to wait for.
_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})

Refusal = Unavailable | HTTPException


class Overloaded(Unavailable):
    """More requests are being served and are waiting than this process can do in time."""

    title = "Too busy"


class DeadlineExceeded(Unavailable):
    """The answer was not ready in time, and what was under way for it has been cancelled."""

    title = "Took too long"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one process. Times are in seconds.

    Attributes:
        served: Requests that are served at once.
        waiting: Requests that wait for others to end; more are refused.
        wait: The longest wait; then a request is refused.
        upload: How long a client may take to send its body.
        deadline: How long serving may take from when the body is there.
    """

    served: int
    waiting: int
    wait: float
    upload: float
    deadline: float


class Admission:
    """Serves so many requests at once, lets some wait for a moment, and refuses the rest quickly.

    A client that sends its body slowly takes no place: it gets one when all is there. What reads a body does so as a
    whole, so that keeping it here costs no more memory.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        always: Iterable[str],
        answer: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        """Stand before `app`; the paths of `always` pass, and `answer` says in HTTP why a request was refused."""
        self.app = app
        self._limits = limits
        self._always = frozenset(always)
        self._answer = answer
        self._places = asyncio.Semaphore(limits.served)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse a request; anything else passes."""
        if scope["type"] != "http" or scope["path"].removeprefix(scope.get("root_path", "")) in self._always:
            await self.app(scope, receive, send)
            return
        try:
            if scope["method"] not in _BODILESS:
                receive = await self._with_whole_body(receive)
            await self._take_place()
        except (Unavailable, HTTPException) as refusal:
            await self._refuse(refusal, scope, receive, send)
            return
        try:
            await self._serve(scope, receive, send)
        finally:
            self._places.release()

    async def _with_whole_body(self, receive: Receive) -> Receive:
        messages = []
        try:
            async with asyncio.timeout(self._limits.upload):
                while True:
                    messages.append(message := await receive())
                    if not message.get("more_body"):
                        break
        except TimeoutError as error:
            detail = f"The body was not here within {self._limits.upload:g} s"
            raise HTTPException(408, detail, headers={"Connection": "close"}) from error
        messages.reverse()

        async def receive_again() -> Message:
            return messages.pop() if messages else await receive()

        return receive_again

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._waiting == self._limits.waiting:
            raise _shed()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.wait):
                await self._places.acquire()
        except TimeoutError as error:
            raise _shed() from error
        finally:
            self._waiting -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def sending(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            async with asyncio.timeout(self._limits.deadline) as deadline:
                await self.app(scope, receive, sending)
        except TimeoutError:
            if has_begun or not deadline.expired():
                raise
            detail = f"There was no answer within {self._limits.deadline:g} s"
            await self._refuse(DeadlineExceeded(detail, retry_after=1), scope, receive, send)

    async def _refuse(self, refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope), refusal)
        await response(scope, receive, send)


def _shed() -> Overloaded:
    context.mark_shed()
    return Overloaded(
        "The service has more to do than it can; nothing was done for this request", retry_after=1
    )
