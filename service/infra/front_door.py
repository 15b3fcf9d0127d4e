"""Refuses at the door of a full house: before a task, a scope and a trace are made for a request that gets nothing.

To refuse deep inside costs half of what a cheap answer does; several times as many requests as the process can serve
would then leave it no time to serve any. `Admission` alone decides under servers that have no such door.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

import httptools

from service.infra.admission import Places
from service.infra.bounded_connections import BoundedConnection

# Its key in the state that an application's lifespan gives to its server.
DOORKEEPER = "doorkeeper"


class Doorkeeper:
    """What the door has to know of the application behind it."""

    def __init__(
        self,
        places: Places,
        *,
        always: Iterable[str],
        headers: Mapping[str, str],
        body: Callable[[bytes], bytes],
        refused: Callable[[str], None],
    ) -> None:
        """Keep a door.

        Args:
            places: Whether there are any left.
            always: Paths that are let in all the same.
            headers: Of each refusal, besides the server's own and the length.
            body: What is answered to whoever asked for a path.
            refused: Told the method of each request that was refused.
        """
        self.places = places
        self.always = frozenset(path.encode() for path in always)
        self.headers = b"".join(f"{name.lower()}: {value}\r\n".encode() for name, value in headers.items())
        self.body = body
        self.refused = refused


class FrontDoor(BoundedConnection):
    """A connection of uvicorn's that asks the doorkeeper, if its application has one, about each request."""

    _doorkeeper: Doorkeeper | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask who keeps the door."""
        super().connection_made(transport)
        self._doorkeeper = self.app_state.get(DOORKEEPER)

    def on_head(self) -> None:
        """Hand the request on, or answer it: uvicorn ignores the body of what is answered."""
        keeper = self._doorkeeper
        if keeper is None:
            super().on_head()
        elif keeper.places.are_full and self._may_be_refused(keeper):
            self._refuse(keeper)
        else:
            keeper.places.expect()
            super().on_head()

    def _may_be_refused(self, keeper: Doorkeeper) -> bool:
        """Answers have to come in the order of requests, and to be read: what is left to wait holds its client up."""
        return (
            self.cycle.response_complete
            and not self.flow.write_paused
            and not (self.parser.should_upgrade() and self._should_upgrade())
            and httptools.parse_url(self.url).path not in keeper.always
        )

    def _refuse(self, keeper: Doorkeeper) -> None:
        method = self.parser.get_method()
        is_kept = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        body = keeper.body(httptools.parse_url(self.url).path)
        connection = b"" if is_kept else b"connection: close\r\n"
        headers = b"%b%bcontent-length: %d\r\n" % (keeper.headers, connection, len(body))
        self.answer(HTTPStatus.SERVICE_UNAVAILABLE, headers, b"" if method == b"HEAD" else body)
        keeper.refused(method.decode())
        if is_kept:
            self.on_response_complete()
        else:
            self.transport.close()
