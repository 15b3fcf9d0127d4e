"""A whole board as SVG, its panels where Grafana puts them."""

from collections.abc import Callable, Iterator, Sequence

from tests.boards import Board, Panel
from tests.pictures.panel import FAINT, TEXT, Answer, Box, Span, panel_drawn, text

COLUMN, LINE, GAP, HEAD = 54, 32, 6, 46
WIDTH = 24 * COLUMN
SAYS = (
    "No screenshot: drawn by `make pictures` from Prometheus's answers to the board's queries, two minutes after the start, "
    "under the load of `make traffic`."
)


def drawn(board: Board, left_out: Sequence[str], ask: Callable[[Panel], list[Answer]], span: Span) -> str:
    """The rows that are not left out, closed up."""
    parts = [
        text(12, 28, board["title"], size=18, weight=600),
        text(WIDTH - 12, 28, SAYS, colour=FAINT, anchor="end"),
    ]
    y = float(HEAD)
    for title, panels in _rows(board):
        if title in left_out:
            continue
        parts.append(text(12, y + 20, title, size=14, colour=TEXT, weight=600))
        top = min(panel["gridPos"]["y"] for panel in panels)
        for panel in panels:
            place = panel["gridPos"]
            box = Box(
                place["x"] * COLUMN + GAP / 2,
                y + LINE + (place["y"] - top) * LINE,
                place["w"] * COLUMN - GAP,
                place["h"] * LINE - GAP,
            )
            parts.append(panel_drawn(panel, ask(panel), box, span))
        y += LINE + LINE * (max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) - top)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + GAP:g}" '
        'font-family="Inter, Helvetica, Arial, sans-serif">'
        f'<rect width="100%" height="100%" fill="#111217"/>{"".join(parts)}</svg>\n'
    )


def _rows(board: Board) -> Iterator[tuple[str, list[Panel]]]:
    title, panels = "", list[Panel]()
    for panel in [*board["panels"], {"type": "row", "title": "", "panels": []}]:
        if panel["type"] != "row":
            panels.append(panel)
            continue
        if panels:
            yield title, panels
        title, panels = panel["title"], list(panel["panels"])
