"""From board to board, keeping the time and what was chosen."""

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.models import dashboard

from dashboards.links import Board, uid

TAG = "glasshouse"
TITLES: dict[Board, str] = {
    "overview": "Overview",
    "requests": "Requests",
    "dependencies": "Dependencies",
    "background": "Background work",
    "runtime": "Runtime",
    "slo": "SLO",
    "telemetry": "Telemetry health",
}
KEPT = "${__url_time_range}&${__all_variables}"
ABOVE_THE_PANELS = ""


def to_board(board: Board) -> grafana.DashboardLink:
    """A panel's link."""
    url = f"/d/{uid(board)}?{KEPT}"
    return (
        grafana.DashboardLink(TITLES[board])
        .type(dashboard.DashboardLinkType.LINK)
        .url(url)
        .placement(ABOVE_THE_PANELS)
    )


def to_all_boards() -> grafana.DashboardLink:
    """A board's links to all of ours."""
    return (
        grafana.DashboardLink("Boards")
        .type(dashboard.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .placement(ABOVE_THE_PANELS)
        .keep_time(keep_time=True)
        .include_vars(include_vars=True)
    )
