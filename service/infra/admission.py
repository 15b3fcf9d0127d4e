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


class TooBusy(Unavailable):
    """More requests are being served and are waiting than this process can do in time."""

    title = "Too busy"


class DeadlineExceeded(Unavailable):
    """The answer was not ready in time, and what was under way for it has been cancelled."""

    title = "Took too long"


class _UploadTooSlow(HTTPException):
    def __init__(self, seconds: float) -> None:
        super().__init__(408, f"The body was not here within {seconds:g} s", headers={"Connection": "close"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one process. Times are in seconds.

    Attributes:
        served: Requests that are served at once.
        waiting: Requests that wait for others to end; more are refused.
        wait: The longest wait; then a request is refused.
        upload: How long a client may take to send its body.
        deadline: How long serving may take, from when the body is there.
    """

    served: int
    waiting: int
    wait: float
    upload: float
    deadline: float


class Admission:
    """Serves so many requests at once, lets some wait for a moment, and refuses the rest quickly."""

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
        place = _Place(self._places)
        try:
            await self._admit(place)
            await self._serve(place, scope, receive, send)
        except (TooBusy, DeadlineExceeded, _UploadTooSlow) as refusal:
            response = await self._answer(Request(scope), refusal)
            await response(scope, receive, send)
        finally:
            place.leave()

    async def _admit(self, place: "_Place") -> None:
        if not self._places.locked():
            await place.take()
            return
        if self._waiting == self._limits.waiting:
            raise _shed()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.wait):
                await place.take()
        except TimeoutError as error:
            raise _shed() from error
        finally:
            self._waiting -= 1

    async def _serve(self, place: "_Place", scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def sending(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        upload = None
        try:
            async with asyncio.timeout(self._limits.deadline) as clock:
                if scope["method"] not in _BODILESS:
                    upload = _Upload(receive, place, clock, self._limits)
                    receive = upload.receive
                await self.app(scope, receive, sending)
        except TimeoutError as error:
            if has_begun or not clock.expired():
                raise
            if upload is not None and upload.is_awaited:
                raise _UploadTooSlow(self._limits.upload) from error
            msg = f"There was no answer within {self._limits.deadline:g} s"
            raise DeadlineExceeded(msg, retry_after=1) from error


class _Place:
    """One of the places of those who are being served, taken or not."""

    __slots__ = ("_is_taken", "_places")

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._is_taken = False

    async def take(self) -> None:
        await self._places.acquire()
        self._is_taken = True

    def leave(self) -> None:
        if self._is_taken:
            self._is_taken = False
            self._places.release()


class _Upload:
    """The body of a request. Whoever waits for it gives the place to others, and has a clock of its own."""

    def __init__(self, receive: Receive, place: _Place, clock: asyncio.Timeout, limits: Limits) -> None:
        self._receive = receive
        self._place = place
        self._clock = clock
        self._limits = limits
        self._has_begun = self._is_complete = False

    @property
    def is_awaited(self) -> bool:
        return self._has_begun and not self._is_complete

    async def receive(self) -> Message:
        if self._is_complete:
            return await self._receive()
        if not self._has_begun:
            self._has_begun = True
            self._allow(self._limits.upload)
        self._place.leave()
        message = await self._receive()
        if not message.get("more_body"):
            self._is_complete = True
            self._allow(self._limits.deadline)
        await self._place.take()
        return message

    def _allow(self, seconds: float) -> None:
        self._clock.reschedule(asyncio.get_running_loop().time() + seconds)


def _shed() -> TooBusy:
    context.mark_shed()
    return TooBusy("The service has more to do than it can; nothing was done for this request", retry_after=1)
