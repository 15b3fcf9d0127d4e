"""A board: its panels in rows, and what all boards share."""

from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from dashboards import links
from dashboards.boards import annotations, variables
from dashboards.boards.links import TAG, TITLES, to_all_boards
from dashboards.boards.panels import Panel

SINCE = "now-1h"
REFRESH = "30s"


@dataclass(frozen=True, slots=True)
class Section:
    """Panels below one heading.

    Attributes:
        is_folded: Whether a reader has to open it: what only some need.
    """

    title: str
    panels: tuple[Panel, ...]
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard.

    Attributes:
        since: Where the time that it shows begins.
    """

    board: links.Board
    description: str
    sections: tuple[Section, ...]
    since: str = SINCE

    def to_json(self, jobs: list[str]) -> str:
        """What Grafana reads; it opens with these jobs."""
        return JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(self._build(jobs)) + "\n"

    def _build(self, jobs: list[str]) -> dashboard.Dashboard:
        board = (
            grafana.Dashboard(f"Glasshouse / {TITLES[self.board]}")
            .uid(links.uid(self.board))
            .description(self.description)
            .tags([TAG])
            .readonly()
            .timezone("browser")
            .time(self.since, "now")
            .refresh(REFRESH)
            .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
            .annotations(annotations.annotations())
            .links([to_all_boards()])
            .with_variable(variables.datasource())
        )
        for variable in variables.chosen(jobs):
            board.with_variable(variable)
        self._add_sections(board)
        return board.build()

    def _add_sections(self, board: grafana.Dashboard) -> None:
        number = 0
        for section in self.sections:
            number += 1
            row = grafana.Row(section.title).id(number).collapsed(section.is_folded)
            visuals = [panel.build(number + place) for place, panel in enumerate(section.panels, 1)]
            number += len(visuals)
            if section.is_folded:
                for visual in visuals:
                    row.with_panel(visual)
            board.with_row(row)
            if not section.is_folded:
                for visual in visuals:
                    board.with_panel(visual)
