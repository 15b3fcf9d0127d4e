"""One request to a subscriber: signed, bounded in time and size, and nowhere but to the address that was checked."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import httpx2

from observability.clients.http import trace_http
from observability.header_conventions import TRACEPARENT
from service.infra.outgoing.resolver import Resolver
from service.infra.outgoing.transport import CheckedTransport
from service.webhooks.signing import signed_headers

CONNECT_SECONDS = 5.0
# Of an answer nobody reads: enough for a receiver to finish its sentence.
MAX_ANSWER_BYTES = 64 * 1024
MAX_ERROR_LENGTH = 200
_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "Glasshouse-Webhooks",
    # What is thrown away need not be unpacked.
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, where, and in which trace (W3C Trace Context): empty for the one that is under way."""

    delivery_id: int
    url: str
    secret: bytes
    body: str
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request: a status, or the reason why there is none."""

    started_at: datetime
    seconds: float
    status: int | None
    error: str | None

    @property
    def is_success(self) -> bool:
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Sender:
    """Sends messages to subscribers."""

    def __init__(self, resolver: Resolver, *, timeout: float, allow_private: bool) -> None:
        """`timeout` is for all of a request, in seconds."""
        self._timeout = timeout
        self._client = httpx2.AsyncClient(
            transport=CheckedTransport(resolver, allow_private=allow_private),
            timeout=httpx2.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
            headers=_HEADERS,
            follow_redirects=False,
            trust_env=False,
        )
        trace_http(self._client, is_foreign=True)

    async def send(self, message: Message) -> Outcome:
        """Send it once; a failure is an outcome, too."""
        started_at, began = datetime.now(UTC), time.perf_counter()
        status, error = await self._send(message, started_at)
        return Outcome(started_at, round(time.perf_counter() - began, 6), status, error)

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(self, message: Message, now: datetime) -> tuple[int | None, str | None]:
        body, status = message.body.encode(), None
        headers = signed_headers(message.secret, message.delivery_id, message.body, now)
        if message.traceparent:
            headers[TRACEPARENT] = message.traceparent
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream("POST", message.url, content=body, headers=headers) as answer,
            ):
                status = answer.status_code
                await _hear_out(answer)
        except (httpx2.HTTPError, TimeoutError) as error:
            # Once the status is known, the rest of the answer changes nothing.
            return status, None if status else self._in_words(error)
        return status, "Redirects are not followed" if answer.has_redirect_location else None

    def _in_words(self, error: Exception) -> str:
        if isinstance(error, TimeoutError | httpx2.TimeoutException):
            return f"No answer within {self._timeout:g} s"
        return (str(error) or type(error).__name__)[:MAX_ERROR_LENGTH]


async def _hear_out(answer: httpx2.Response) -> None:
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            return
