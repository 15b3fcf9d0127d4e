"""What alerts reach when nobody has said where else: shown line by line, with their runbooks to read."""

import json
import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RUNBOOKS = Path(__file__).parent / "runbooks"
MOST_BYTES = 4 * 1024 * 1024
A_RUNBOOK = re.compile(r"/runbooks/([A-Za-z]+\.md)")
# Told to nobody: it always fires.
WATCHDOG = "watchdog"

Tell = Callable[[str], None]


def receiver(host: str, port: int, tell: Tell) -> ThreadingHTTPServer:
    """A server that tells each notification of Alertmanager in a line, and serves the runbooks.

    Raises:
        OSError: The port is taken.
    """

    class Handler(_Handler):
        pass

    Handler.tell = staticmethod(tell)
    return ThreadingHTTPServer((host, port), Handler)


def lines(receiver: str, notification: dict[str, Any]) -> Iterator[str]:
    """A line for each alert of a notification."""
    for alert in notification["alerts"]:
        labels, annotations = alert["labels"], alert["annotations"]
        yield (
            f"{receiver:<7} {alert['status']:<9} {labels['alertname']}: {annotations['summary']}"
            f"\n{'':<18}{annotations['dashboard_url']}\n{'':<18}{annotations['runbook_url']}"
        )


class _Handler(BaseHTTPRequestHandler):
    tell: Tell

    def do_POST(self) -> None:
        try:
            size = int(self.headers["Content-Length"])
            if size > MOST_BYTES:
                self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too large")
                return
            told = list(lines(self.path.removeprefix("/"), json.loads(self.rfile.read(size))))
        except (KeyError, TypeError, ValueError):
            self._answer(HTTPStatus.BAD_REQUEST, "Not a notification of Alertmanager")
            return
        if self.path != f"/{WATCHDOG}":
            for line in told:
                self.tell(line)
        self._answer(HTTPStatus.OK, "Told")

    def do_GET(self) -> None:
        found = A_RUNBOOK.fullmatch(self.path)
        if self.path == "/":
            self._answer(
                HTTPStatus.OK, "\n".join(sorted(f"/runbooks/{each.name}" for each in RUNBOOKS.glob("*.md")))
            )
        elif found and (RUNBOOKS / found[1]).is_file():
            self._answer(HTTPStatus.OK, (RUNBOOKS / found[1]).read_text())
        else:
            self._answer(HTTPStatus.NOT_FOUND, "There is no such runbook; / lists them")

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""
