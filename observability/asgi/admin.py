"""Scrapes on a port of their own, answered by a thread with an event loop of its own.

So they are kept from the outside, and answered even while the application's event loop is blocked. With several workers,
the first to come has the port and answers for all; the others stand by until it is gone.
"""

import errno
import socket
import threading
from collections.abc import Callable

import structlog
import uvicorn
from starlette.types import ASGIApp

_RETRY_SECONDS = 1.0
_KEEP_ALIVE_SECONDS = 75
# What browsers should not do with an answer.
_SECURITY_HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]

log = structlog.get_logger(__name__)


class AdminServer:
    """Serves an ASGI application on a host and port until it is stopped."""

    def __init__(self, make_app: Callable[[], ASGIApp], host: str, port: int) -> None:
        """Serve what `make_app` makes, once for the loop that runs it."""
        self._make_app = make_app
        self._address = (host, port)
        self._stopped = threading.Event()
        self._server: uvicorn.Server | None = None

    def start(self) -> None:
        """Serve from now on."""
        # A new one: the thread of an earlier start may not have seen yet that it was stopped.
        self._stopped = threading.Event()
        threading.Thread(target=self._run, args=(self._stopped,), name="admin-server", daemon=True).start()

    def stop(self) -> None:
        """Serve no more; does not wait."""
        self._stopped.set()
        if self._server is not None:
            self._server.should_exit = True

    def _run(self, stopped: threading.Event) -> None:
        listener = self._listen(stopped)
        if listener is None:
            return
        config = uvicorn.Config(
            self._make_app(),
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            headers=_SECURITY_HEADERS,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        server = self._server = uvicorn.Server(config)
        server.should_exit = stopped.is_set()
        with listener:
            server.run(sockets=[listener])

    def _listen(self, stopped: threading.Event) -> socket.socket | None:
        """The listening socket, None when stopped before the port was free."""
        host, _ = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        said: int | None = None
        while not stopped.is_set():
            try:
                return socket.create_server(self._address, family=family, backlog=16)
            except OSError as error:
                if error.errno != said:
                    self._say(error)
                said = error.errno
                stopped.wait(_RETRY_SECONDS)
        return None

    def _say(self, error: OSError) -> None:
        host, port = self._address
        if error.errno == errno.EADDRINUSE:
            log.info("admin_port_taken", host=host, port=port, reason=str(error), effect="standing by")
        else:
            log.error(
                "admin_port_not_served",
                host=host,
                port=port,
                reason=str(error),
                effect="nobody can scrape there until it succeeds; it is tried every second",
            )
