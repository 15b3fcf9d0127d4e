"""Where an alert, a board and a runbook find each other."""

from typing import Literal
from urllib.parse import quote

from dashboards.slo.objectives import Links

Board = Literal["overview", "requests", "dependencies", "background", "runtime", "slo", "telemetry"]


def uid(board: Board) -> str:
    """What the URL of a board is made of, whatever its title becomes."""
    return f"glasshouse-{board}"


def board_url(links: Links, board: Board, **variables: str) -> str:
    """The board with its variables set; a value may be a template of Prometheus, which is filled in when the alert fires."""
    chosen = "".join(f"&var-{name}={_escaped(value)}" for name, value in variables.items())
    return f"{links.grafana}/d/{uid(board)}?from=now-6h&to=now{chosen}"


def runbook_url(links: Links, alert: str) -> str:
    """The page that says what the alert means and what to do."""
    return f"{links.runbooks}/{alert}.md"


def label(name: str) -> str:
    """A label of the alert, for use in a URL."""
    return f"{{{{ $labels.{name} | urlquery }}}}"


def _escaped(value: str) -> str:
    return value if value.startswith("{{") else quote(value, safe="")
