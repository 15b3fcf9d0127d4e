"""One panel as SVG: lines, a number, a heatmap, or a table."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypeAlias

from tests.boards import Panel
from tests.pictures.units import shown

COLOURS = (
    "#73bf69",
    "#f2cc0c",
    "#5794f2",
    "#ff9830",
    "#b877d9",
    "#f2495c",
    "#8ab8ff",
    "#ffa6b0",
    "#96d98d",
    "#ca95e5",
)
NAMED = {"green": "#73bf69", "yellow": "#f2cc0c", "orange": "#ff9830", "red": "#f2495c"}
TEXT, FAINT, GRID, GROUND = "#ccccdc", "#8e8e9a", "#2c3235", "#181b1f"
LEFT, RIGHT, TOP, LINE_OF_LEGEND = 58, 10, 30, 14
MOST_NAMES, LONGEST_STEP_SECONDS = 5, 5
STEP_SECONDS = 2


# From when to when, in seconds since the epoch.
Span: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Answer:
    """One series of Prometheus's answer to the query of this letter."""

    letter: str
    legend: str
    labels: Mapping[str, str]
    points: Sequence[tuple[float, str]]

    @property
    def name(self) -> str:
        """What the legend calls it."""
        return re.sub(r"{{(\w+)}}", lambda found: self.labels.get(found[1], ""), self.legend).strip()

    @property
    def numbers(self) -> list[tuple[float, float]]:
        """Moments and values, without those that are no numbers."""
        return [(moment, float(text)) for moment, text in self.points if not math.isnan(float(text))]

    @property
    def most(self) -> float:
        return max(value for _, value in self.numbers)

    @property
    def last(self) -> float:
        return self.numbers[-1][1] if self.numbers else math.nan


@dataclass(frozen=True, slots=True)
class Box:
    """Where a panel stands, in pixels."""

    x: float
    y: float
    width: float
    height: float


def panel_drawn(panel: Panel, answers: Sequence[Answer], box: Box, span: Span) -> str:
    title = text(12, 20, panel["title"], size=13, weight=600)
    ground = f'<rect width="{box.width:g}" height="{box.height:g}" rx="3" fill="{GROUND}" stroke="{GRID}"/>'
    alive = [answer for answer in answers if answer.numbers]
    if alive:
        draw = {"stat": _stat, "heatmap": _heatmap, "table": _table}.get(panel["type"], _graph)
        inside = draw(panel, alive, box, span)
    else:
        nothing = panel["fieldConfig"]["defaults"].get("noValue", "no data")
        inside = text(box.width / 2, box.height / 2 + 10, nothing, size=14, colour=FAINT, anchor="middle")
    return f'<g transform="translate({box.x:g} {box.y:g})">{ground}{title}{inside}</g>'


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 11,
    colour: str = TEXT,
    anchor: str = "start",
    weight: int = 400,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def _unit(panel: Panel) -> str:
    return str(panel["fieldConfig"]["defaults"]["unit"])


def _steps(defaults: Mapping[str, Any]) -> list[tuple[float, str]]:
    return [
        (-math.inf if step["value"] is None else step["value"], NAMED[step["color"]])
        for step in defaults["thresholds"]["steps"]
    ]


def _colour(value: float, steps: Sequence[tuple[float, str]]) -> str:
    return [colour for bound, colour in steps if value >= bound][-1]


def _stat(panel: Panel, answers: Sequence[Answer], box: Box, _span: Span) -> str:
    steps = _steps(panel["fieldConfig"]["defaults"])
    width = box.width / len(answers)
    parts = []
    for place, answer in enumerate(answers):
        middle = (place + 0.5) * width
        value = shown(answer.last, _unit(panel))
        size = min(34.0, 1.5 * width / len(value))
        parts += [
            text(
                middle,
                box.height / 2 + 14,
                value,
                size=size,
                colour=_colour(answer.last, steps),
                anchor="middle",
                weight=600,
            ),
            text(middle, box.height / 2 + 36, answer.name[: int(width / 7)], colour=FAINT, anchor="middle"),
        ]
    return "".join(parts)


def _table(panel: Panel, answers: Sequence[Answer], box: Box, _span: Span) -> str:
    organised = next(each["options"] for each in panel["transformations"] if each["id"] == "organize")
    fields = sorted(organised["indexByName"], key=organised["indexByName"].get)
    units = {
        override["matcher"]["options"]: {each["id"]: each["value"] for each in override["properties"]}
        for override in panel["fieldConfig"]["overrides"]
    }
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for answer in answers:
        row = rows.setdefault(tuple(answer.labels.get(field, "") for field in fields), {})
        row[f"Value #{answer.letter}"] = row["Value"] = answer.last
    ordered = sorted(rows.items(), key=lambda row: -next(iter(row[1].values())))[
        : int((box.height - 56) // 18)
    ]
    parts = []
    for column, field in enumerate(fields):
        x = 12 + column * (box.width - 24) / len(fields)
        name = organised["renameByName"][field]
        parts.append(text(x, 46, name, colour="#6e9fff", weight=600))
        for line, (labels, values) in enumerate(ordered):
            properties = units.get(name, {})
            if field in values:
                words = shown(values[field], properties.get("unit", "short"))
                steps = _steps(properties) if "thresholds" in properties else [(-math.inf, TEXT)]
                colour = _colour(values[field], steps)
            else:
                words, colour = labels[column], TEXT
            parts.append(text(x, 66 + 18 * line, words, colour=colour))
    return "".join(parts)


def _graph(panel: Panel, answers: Sequence[Answer], box: Box, span: Span) -> str:
    named = sorted(answers, key=lambda answer: -answer.most)
    legend_lines = min(len(named), MOST_NAMES)
    bottom = box.height - 18 - LINE_OF_LEGEND * legend_lines - 8
    begin, end = span
    lines = (
        _stacked(named)
        if panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"
        else [answer.numbers for answer in named]
    )
    highest = max((value for line in lines for _, value in line), default=1.0)
    limits = [(bound, colour) for bound, colour in _steps(panel["fieldConfig"]["defaults"]) if bound > 0]
    visible = [(bound, colour) for bound, colour in limits if not math.isinf(bound) and bound <= 3 * highest]
    top = _round_up(max([highest, *(bound for bound, _ in visible)]) or 1.0)

    def at(moment: float, value: float) -> str:
        x = LEFT + (moment - begin) / (end - begin) * (box.width - LEFT - RIGHT)
        return f"{x:.1f},{bottom - max(value, 0) / top * (bottom - TOP):.1f}"

    parts = [_axis(top, bottom, box, _unit(panel)), _times(begin, end, bottom, box)]
    for bound, colour in visible:
        level = at(begin, bound).split(",")[1]
        parts.append(
            f'<line x1="{LEFT}" x2="{box.width - RIGHT:g}" y1="{level}" y2="{level}" stroke="{colour}" stroke-dasharray="6 5"/>'
        )
    for number, (answer, line) in enumerate(zip(named, lines, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        parts += [
            f'<polyline points="{" ".join(at(*point) for point in stretch)}" fill="none" stroke="{colour}" stroke-width="1.4"/>'
            for stretch in _without_gaps(line)
        ]
        if number < legend_lines:
            y = bottom + 34 + LINE_OF_LEGEND * number - 4
            parts += [
                f'<rect x="12" y="{y - 6:.1f}" width="12" height="3" fill="{colour}"/>',
                text(30, y, answer.name[: int((box.width - 190) / 6)], size=10.5),
                text(
                    box.width - 112,
                    y,
                    shown(answer.last, _unit(panel)),
                    size=10.5,
                    colour=FAINT,
                    anchor="end",
                ),
                text(
                    box.width - 12,
                    y,
                    f"max {shown(answer.most, _unit(panel))}",
                    size=10.5,
                    colour=FAINT,
                    anchor="end",
                ),
            ]
    return "".join(parts)


def _without_gaps(line: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Where points are missing, so is the line."""
    stretches: list[list[tuple[float, float]]] = [[]]
    for point in line:
        if stretches[-1] and point[0] - stretches[-1][-1][0] > LONGEST_STEP_SECONDS:
            stretches.append([])
        stretches[-1].append(point)
    return stretches


def _stacked(answers: Sequence[Answer]) -> list[list[tuple[float, float]]]:
    below: dict[float, float] = {}
    lines = []
    for answer in answers:
        line = []
        for moment, value in answer.numbers:
            below[moment] = below.get(moment, 0.0) + value
            line.append((moment, below[moment]))
        lines.append(line)
    return lines


def _heatmap(panel: Panel, answers: Sequence[Answer], box: Box, span: Span) -> str:
    by_bound = sorted(answers, key=lambda answer: float(answer.labels["le"]))
    moments = [span[0] + STEP_SECONDS * step for step in range(int((span[1] - span[0]) / STEP_SECONDS) + 1)]
    values = [dict(answer.numbers) for answer in by_bound]
    bottom = box.height - 24
    width, height = (box.width - LEFT - RIGHT) / len(moments), (bottom - TOP) / len(by_bound)
    cells = {
        (column, row): values[row].get(round(moment, 3), 0)
        - (values[row - 1].get(round(moment, 3), 0) if row else 0)
        for column, moment in enumerate(moments)
        for row in range(len(by_bound))
    }
    most = max(cells.values()) or 1.0
    parts = [_times(*span, bottom, box)]
    for row, answer in enumerate(by_bound):
        bound = answer.labels["le"]
        name = "more" if bound == "+Inf" else shown(float(bound), _unit(panel))
        parts.append(text(LEFT - 6, bottom - (row + 0.3) * height, name, size=9, colour=FAINT, anchor="end"))
    for (column, row), value in cells.items():
        if value > most / 1000:
            x, y = LEFT + column * width, bottom - (row + 1) * height
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width + 0.3:.1f}" height="{height - 0.6:.1f}" '
                f'fill="#ff780a" fill-opacity="{(value / most) ** 0.4:.2f}"/>'
            )
    return "".join(parts)


def _axis(top: float, bottom: float, box: Box, unit: str) -> str:
    parts = []
    for part in (0, 0.5, 1):
        y = bottom - part * (bottom - TOP)
        parts += [
            f'<line x1="{LEFT}" x2="{box.width - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>',
            text(LEFT - 6, y + 3, shown(part * top, unit), size=9, colour=FAINT, anchor="end"),
        ]
    return "".join(parts)


def _times(begin: float, end: float, bottom: float, box: Box) -> str:
    last = f"{end - begin:.0f} s"
    return text(LEFT, bottom + 13, "0 s", size=9, colour=FAINT) + text(
        box.width - RIGHT, bottom + 13, last, size=9, colour=FAINT, anchor="end"
    )


def _round_up(value: float) -> float:
    size = 10.0 ** math.floor(math.log10(value))
    return next(size * step for step in (1, 2, 2.5, 5, 10) if size * step >= value * 0.999)
