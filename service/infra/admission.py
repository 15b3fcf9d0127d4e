"""Who is let in, and for how long: what keeps a process useful when more is asked of it than it can do."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability import context
from observability.conventions import BODY_TIME, DEADLINE
from service.errors import Unavailable

# Methods whose requests have no body to wait for.
_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
# A body that is no larger is taken whatever else is on its way: who sends much keeps nobody from asking for a token.
_SMALL_BODY = 16 * 1024
# About twenty requests tell how quickly places are given up.
_WEIGHT_OF_THE_LAST = 0.05


class TooBusy(Unavailable):
    """More requests are being served and are waiting than this process can do in time."""

    title = "Too busy"


class DeadlineExceeded(Unavailable):
    """The answer was not ready in time, and what was under way for it has been cancelled."""

    title = "Took too long"


class _UploadTooSlow(HTTPException):
    def __init__(self, seconds: float) -> None:
        super().__init__(408, f"The body was not here within {seconds:g} s", headers={"Connection": "close"})


class _TooManyBodies(HTTPException):
    """An exception of HTTP, for nothing else that is raised while a body is read passes FastAPI."""

    def __init__(self) -> None:
        detail = "The service is being sent more than it has room for; nothing was done for this request"
        super().__init__(503, detail, headers={"Retry-After": "1"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one process. Times are in seconds.

    Attributes:
        served: Requests that are served at once.
        waiting: Requests that wait for others to end; more are refused.
        wait: The longest wait; then a request is refused.
        bodies: Bytes of the bodies of all requests, as far as they are here; one that goes on growing is refused.
        upload: How long a client may take to send its body.
        deadline: How long serving may take, from when the body is there.
    """

    served: int
    waiting: int
    wait: float
    bodies: int
    upload: float
    deadline: float


class Places:
    """Those of one process, for requests that are served and for requests that wait."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        # Bytes of bodies that are in memory for requests under way.
        self.body_bytes = 0
        self._free = asyncio.Semaphore(limits.served)
        self._served = self._waiting = self._expected = 0
        # Seconds from one request that makes room to the next, of late, while there was none.
        self._interval = self._since = 0.0

    @property
    def are_full(self) -> bool:
        """Whether whoever comes now would be refused."""
        known = self._served + self._waiting + self._expected
        return known >= self.limits.served + self._may_wait

    def expect(self) -> None:
        """Count a request whose task has not begun yet: a server may read many requests before the first of them runs."""
        if not self._expected:
            asyncio.get_running_loop().call_soon(self._expect_nobody)
        self._expected += 1

    async def admit(self, place: "_Place") -> None:
        """Take the place, now or after a wait.

        Raises:
            TooBusy: Too many wait already, or the wait was too long.
        """
        if not self._free.locked():
            await place.take()
            return
        if self._waiting >= self._may_wait:
            raise _shed()
        self._waiting += 1
        try:
            async with asyncio.timeout(self.limits.wait):
                await place.take()
        except TimeoutError as error:
            raise _shed() from error
        finally:
            self._waiting -= 1

    async def take(self) -> None:
        had_to_wait = self._free.locked()
        await self._free.acquire()
        self._served += 1
        if not had_to_wait and self._free.locked():
            self._since = asyncio.get_running_loop().time()

    def leave(self) -> None:
        if self._free.locked():
            self._keep_pace()
        self._served -= 1
        self._free.release()

    @property
    def _may_wait(self) -> int:
        """No more than get a place in half of the longest wait: to refuse who has waited in vain costs more."""
        in_time = self.limits.wait / 2 / self._interval if self._interval else self.limits.waiting
        return min(self.limits.waiting, int(in_time))

    def _keep_pace(self) -> None:
        now = asyncio.get_running_loop().time()
        self._interval += (now - self._since - self._interval) * _WEIGHT_OF_THE_LAST
        self._since = now

    def _expect_nobody(self) -> None:
        self._expected = 0


class Admission:
    """Serves so many requests at once, lets some wait for a moment, and refuses the rest quickly."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        places: Places,
        always: Iterable[str],
        answer: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        """Stand before `app`; the paths of `always` pass, and `answer` says in HTTP why a request was refused."""
        self.app = app
        self._places = places
        self._limits = places.limits
        self._always = frozenset(always)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse a request; anything else passes."""
        if scope["type"] != "http" or scope["path"].removeprefix(scope.get("root_path", "")) in self._always:
            await self.app(scope, receive, send)
            return
        place = _Place(self._places)
        try:
            await self._places.admit(place)
            await self._serve(place, scope, receive, send)
        except (TooBusy, DeadlineExceeded, _UploadTooSlow) as refusal:
            place.leave()
            response = await self._answer(Request(scope), refusal)
            await response(scope, receive, send)
        finally:
            place.leave()

    async def _serve(self, place: "_Place", scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def sending(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            # The answer is there. How long the client takes to read it is no affair of those who wait.
            place.leave()
            await send(message)

        upload = None
        try:
            async with asyncio.timeout(self._limits.deadline) as clock:
                if scope["method"] not in _BODILESS:
                    upload = _Upload(receive, place, clock, self._places)
                    receive = upload.receive
                await self.app(scope, receive, sending)
        except TimeoutError as error:
            if not clock.expired():
                raise
            is_upload = upload is not None and upload.is_awaited
            context.mark_limit(BODY_TIME if is_upload else DEADLINE)
            if has_begun:
                raise
            if is_upload:
                raise _UploadTooSlow(self._limits.upload) from error
            msg = f"There was no answer within {self._limits.deadline:g} s"
            raise DeadlineExceeded(msg, retry_after=1) from error
        finally:
            if upload is not None:
                upload.forget()


class _Place:
    """One of the places of those who are being served, taken or not."""

    __slots__ = ("_is_taken", "_places")

    def __init__(self, places: Places) -> None:
        self._places = places
        self._is_taken = False

    async def take(self) -> None:
        await self._places.take()
        self._is_taken = True

    def leave(self) -> None:
        if self._is_taken:
            self._is_taken = False
            self._places.leave()


class _Upload:
    """The body of a request. Whoever waits for it gives the place to others, and has a clock of its own."""

    def __init__(self, receive: Receive, place: _Place, clock: asyncio.Timeout, places: Places) -> None:
        self._receive = receive
        self._place = place
        self._clock = clock
        self._places = places
        self._limits = places.limits
        self._size = 0
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
        self._keep(len(message.get("body", b"")))
        if not message.get("more_body"):
            self._is_complete = True
            self._allow(self._limits.deadline)
        await self._place.take()
        return message

    def forget(self) -> None:
        """The request is over, and its body with it."""
        self._places.body_bytes -= self._size

    def _keep(self, size: int) -> None:
        self._size += size
        self._places.body_bytes += size
        if self._places.body_bytes > self._limits.bodies and self._size > _SMALL_BODY:
            context.mark_shed()
            raise _TooManyBodies

    def _allow(self, seconds: float) -> None:
        self._clock.reschedule(asyncio.get_running_loop().time() + seconds)


def too_busy() -> TooBusy:
    # No header can say less, and whoever waits now has a place or is refused by then.
    return TooBusy("The service has more to do than it can; nothing was done for this request", retry_after=1)


def _shed() -> TooBusy:
    context.mark_shed()
    return too_busy()
