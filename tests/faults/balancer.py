"""A proxy before several processes: it sends requests in turn to those that say they are ready, each request once."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import httpx2
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tests.instances import until
from tests.transport import NOT_KEPT, FragileTransport

LOOK_SECONDS = 0.1
# Less than the 5 s after which uvicorn closes an idle connection: nobody sends a request on one that is being closed.
KEPT_ALIVE = httpx2.Limits(keepalive_expiry=1)
# What is of one connection alone (RFC 9110, 7.6.1), or is written anew.
HOP_BY_HOP = frozenset({"connection", "content-length", "date", "host", "keep-alive", "transfer-encoding"})


class Backend:
    """One of the processes, as the proxy knows it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_ready = False
        self.in_flight = self.answered = 0
        self._requests = httpx2.AsyncClient(
            base_url=url, timeout=60, transport=FragileTransport(limits=KEPT_ALIVE)
        )
        self._looks = httpx2.AsyncClient(
            base_url=url, timeout=60, transport=FragileTransport(limits=NOT_KEPT)
        )

    async def ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> httpx2.Response:
        self.in_flight += 1
        try:
            answer = await self._requests.request(method, target, headers=headers, content=body)
        finally:
            self.in_flight -= 1
        self.answered += 1
        return answer

    async def watch(self) -> None:
        while True:
            try:
                self.is_ready = (await self._looks.get("/readyz")).is_success
            except httpx2.TransportError:
                self.is_ready = False
            await asyncio.sleep(LOOK_SECONDS)

    async def close(self) -> None:
        await self._requests.aclose()
        await self._looks.aclose()


class Balancer:
    """The proxy. An answer that it could not get is a 502, and that nobody is ready a 503."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.url = ""
        self.backends = [Backend(url) for url in urls]
        self._turn = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await (await self._answer(request, await request.body()))(scope, receive, send)

    async def _answer(self, request: Request, body: bytes) -> Response:
        ready = [backend for backend in self.backends if backend.is_ready]
        if not ready:
            return Response(status_code=503)
        self._turn += 1
        backend = ready[self._turn % len(ready)]
        target = str(request.url.replace(scheme="", netloc=""))
        try:
            answer = await backend.ask(request.method, target, _end_to_end(request.headers), body)
        except httpx2.TransportError as error:
            return Response(f"{backend.url}: {error!r}", status_code=502)
        return Response(answer.content, answer.status_code, _end_to_end(answer.headers))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        config = uvicorn.Config(self, port=0, lifespan="off", log_config=None, timeout_keep_alive=600)
        server = uvicorn.Server(config)
        tasks = [asyncio.create_task(server.serve())]
        tasks += [asyncio.create_task(backend.watch()) for backend in self.backends]
        await until(lambda: server.started)
        self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.should_exit = True
            for task in tasks[1:]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for backend in self.backends:
                await backend.close()


def _end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
