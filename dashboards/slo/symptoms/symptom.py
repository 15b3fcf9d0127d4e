"""What all symptoms have in common."""

from dataclasses import dataclass

from dashboards.links import Board, board_url, label, runbook_url
from dashboards.slo.objectives import Links
from dashboards.slo.rule import Alert
from dashboards.slo.windows import Severity
from observability import conventions

# Labels whose variable on the boards has another name.
_VARIABLES = {conventions.ROUTE: "route"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """An alert before its links. `about` are labels of the alert that select on the board what it is about."""

    name: str
    expr: str
    hold: str
    summary: str
    description: str
    board: Board
    severity: Severity = "ticket"
    about: tuple[str, ...] = ("job", "instance")

    def alert(self, links: Links) -> Alert:
        """With its links."""
        variables = {_VARIABLES.get(name, name): label(name) for name in self.about}
        return Alert(
            self.name,
            self.expr,
            self.hold,
            {"severity": self.severity},
            {
                "summary": self.summary,
                "description": self.description,
                "dashboard_url": board_url(links, self.board, **variables),
                "runbook_url": runbook_url(links, self.name),
            },
        )
