"""A run in words, as a table, and as a picture."""

from collections.abc import Iterable, Sequence
from typing import Any

from tests.boards import Panel
from tests.pictures.panel import FAINT, GROUND, Answer, Box, panel_drawn, text
from tests.soak.figures import (
    API,
    FIGURES,
    KEYS,
    MEMORY,
    POSTGRES,
    POSTGRES_CONNECTIONS,
    SERIES,
    STAYING_API,
    STAYING_WORKER,
    VALKEY,
    Figure,
    Sample,
    Subject,
)
from tests.soak.soak import Run
from tests.soak.verdict import Trend

_COLUMNS, _WIDTH, _HEIGHT, _GAP, _HEAD = 3, 420, 270, 8, 40
_SHOWN: tuple[tuple[str, Subject], ...] = (
    ("API MiB", (MEMORY, STAYING_API)),
    ("worker MiB", (MEMORY, STAYING_WORKER)),
    ("PostgreSQL connections", (POSTGRES_CONNECTIONS, POSTGRES)),
    ("keys", (KEYS, VALKEY)),
    ("series", (SERIES, API)),
)


def minute(run: Run) -> str:
    """Where it stands."""
    last = run.samples[-1]
    seen = ", ".join(
        f"{name} {last.values[subject]:,.0f}" for name, subject in _SHOWN if subject in last.values
    )
    return f"{last.moment / 60:3.0f} min  {run.outcomes.total():,} requests, {run.replaced.total()} replaced; {seen}"


def summary(run: Run) -> Iterable[str]:
    """What was done."""
    yield f"{run.outcomes.total():,} requests: " + _counts(run.outcomes.most_common())
    yield f"{run.replaced.total()} replaced: " + _counts(sorted(run.replaced.items()))


def table(found: Iterable[Trend]) -> Iterable[str]:
    """Every figure, in Markdown."""
    yield "| | of | 2nd quarter | last quarter | flat up to |"
    yield "|---|---|---|---|---|"
    for trend in found:
        figure, whose = trend.subject
        cells = (trend.before, trend.after, trend.limit)
        yield f"| {figure.name} | {whose} | {' | '.join(map(_number, cells))} |"


def drawn(samples: Sequence[Sample], seconds: float) -> str:
    """All figures over time, as SVG."""
    rows = -(-len(FIGURES) // _COLUMNS)
    width, height = _COLUMNS * _WIDTH, _HEAD + rows * _HEIGHT
    parts = [
        text(12, 26, "What has to stay flat", size=18, weight=600),
        text(width - 12, 26, "Drawn by `make soak` from its samples.", colour=FAINT, anchor="end"),
    ]
    for place, figure in enumerate(FIGURES):
        row, column = divmod(place, _COLUMNS)
        box = Box(column * _WIDTH + _GAP / 2, _HEAD + row * _HEIGHT, _WIDTH - _GAP, _HEIGHT - _GAP)
        parts.append(panel_drawn(_panel(figure), _lines(figure, samples), box, (0, seconds)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="Inter, Helvetica, Arial, sans-serif">'
        f'<rect width="100%" height="100%" fill="{GROUND}"/>{"".join(parts)}</svg>\n'
    )


def _panel(figure: Figure) -> Panel:
    defaults: dict[str, Any] = {
        "unit": "short",
        "custom": {"stacking": {"mode": "none"}},
        "thresholds": {"steps": [{"value": None, "color": "green"}]},
    }
    return {"type": "timeseries", "title": figure.name, "fieldConfig": {"defaults": defaults}}


def _lines(figure: Figure, samples: Sequence[Sample]) -> list[Answer]:
    owners = dict.fromkeys(
        whose for sample in samples for counted, whose in sample.values if counted == figure
    )
    return [
        Answer(
            "A",
            whose,
            {},
            [
                (sample.moment, str(sample.values[figure, whose]))
                for sample in samples
                if (figure, whose) in sample.values
            ],
        )
        for whose in owners
    ]


def _counts(pairs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in pairs)


def _number(value: float | None) -> str:
    return "not seen" if value is None else f"{value:,.1f}".removesuffix(".0")
