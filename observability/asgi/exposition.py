"""The endpoint that answers scrapes."""

from urllib.parse import parse_qs

from anyio import CapacityLimiter, Event, to_thread
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from observability.metrics.exposition import Exposition, Wanted, wanted

_METHODS = {"GET", "HEAD"}


class ScrapeEndpoint:
    """An ASGI application that answers every request with what the exposition shows.

    It renders in a thread of its own: neither the event loop nor the threads of `def` endpoints wait for it. Scrapes that
    want the same while it is made get the same.
    """

    def __init__(self, exposition: Exposition) -> None:
        """Answer with `exposition`."""
        self._exposition = exposition
        self._under_way: dict[Wanted, _Scrape] = {}
        self._thread: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in _METHODS:
            refusal = PlainTextResponse("Method Not Allowed", 405, headers={"Allow": "GET, HEAD"})
            await refusal(scope, receive, send)
            return
        headers = Headers(scope=scope)
        names = parse_qs(scope["query_string"].decode("latin-1")).get("name[]", [])
        what = wanted(headers.get("accept", ""), headers.get("accept-encoding", ""), frozenset(names))
        encoding = {"Content-Encoding": "gzip"} if what.is_compressed else {}
        response = Response(
            await self._rendered(what),
            headers={"Content-Type": what.content_type, "Vary": "Accept, Accept-Encoding", **encoding},
        )
        await response(scope, receive, send)

    async def _rendered(self, what: Wanted) -> bytes:
        while what in self._under_way:
            scrape = self._under_way[what]
            await scrape.over.wait()
            if scrape.body is not None:
                return scrape.body
        scrape = self._under_way[what] = _Scrape()
        try:
            # Made here: under trio a limiter belongs to its event loop.
            self._thread = self._thread or CapacityLimiter(1)
            scrape.body = await to_thread.run_sync(self._exposition.render, what, limiter=self._thread)
        finally:
            del self._under_way[what]
            scrape.over.set()
        return scrape.body


class _Scrape:
    """A rendering under way; without a body when it was given up."""

    def __init__(self) -> None:
        self.over = Event()
        self.body: bytes | None = None
