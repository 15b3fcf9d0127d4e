"""Our boards as Grafana reads them, taken apart for tests."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from dashboards.boards.files import generate

Board = Mapping[str, Any]
Panel = Mapping[str, Any]
AS_OPENED = {
    "job": "glasshouse|glasshouse-worker",
    "instance": ".+",
    "route": ".+",
    "method": ".+",
    "slo": ".+",
}
SPANS = {"__rate_interval": "1m", "__range": "1h"}


@dataclass(frozen=True, slots=True)
class Query:
    """One that Grafana sends: of a panel, of a variable, or of an annotation."""

    board: str
    of: str
    expr: str
    unit: str = ""
    is_instant: bool = False

    def __str__(self) -> str:
        return f"{self.board} / {self.of}: {self.expr}"


@cache
def boards() -> dict[str, Board]:
    """By their uid."""
    read = [json.loads(text) for path, text in generate().items() if path.startswith("grafana/")]
    return {board["uid"]: board for board in read}


def panels(board: Board) -> Iterator[Panel]:
    """All that show something, those in folded rows included."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def panel_queries(uid: str) -> Iterator[Query]:
    for panel in panels(boards()[uid]):
        for target in panel["targets"]:
            unit = panel["fieldConfig"]["defaults"]["unit"]
            yield Query(uid, panel["title"], target["expr"], unit, target["instant"])


def annotation_queries(uid: str) -> Iterator[Query]:
    for annotation in boards()[uid]["annotations"]["list"]:
        yield Query(uid, annotation["name"], annotation["expr"])


def variable_queries(uid: str) -> Iterator[Query]:
    """`label_values(selector, label)` each."""
    for variable in boards()[uid]["templating"]["list"]:
        if variable["type"] == "query":
            yield Query(uid, f"${variable['name']}", variable["query"])


def filled_in(expr: str, values: Mapping[str, str] = AS_OPENED, spans: Mapping[str, str] = SPANS) -> str:
    """The query as Prometheus gets it."""
    for name, value in {**spans, **values}.items():
        expr = expr.replace(f"${name}", value)
    return expr
