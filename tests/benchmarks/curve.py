"""The overload curve as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.pictures.panel import COLOURS, FAINT, GRID, GROUND, text

_WIDTH, _HEIGHT = 760, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 64, 44, 290
_MARKS = 4


@dataclass(frozen=True, slots=True)
class Point:
    """What became of an offered load: requests a second, good answers a second, and their p99 in milliseconds."""

    offered: float
    good: float
    p99: float


def drawn(points: Sequence[Point]) -> str:
    """An SVG: answers on the left axis, milliseconds on the right one."""
    widest = max(point.offered for point in points)
    most, slowest = _round_up(max(p.good for p in points)), _round_up(max(p.p99 for p in points))

    def line(values: Sequence[float], top: float, colour: str) -> str:
        places = [
            (_x(point.offered / widest), _y(value / top)) for point, value in zip(points, values, strict=True)
        ]
        route = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
        return f'<polyline points="{route}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'

    good, p99 = COLOURS[0], COLOURS[2]
    parts = [
        text(12, 22, "Offered load and what becomes of it, one process", size=13, weight=600),
        *(_mark(step / _MARKS, most, slowest) for step in range(_MARKS + 1)),
        *(text(_x(p.offered / widest), _BOTTOM + 18, f"{p.offered:,.0f}", anchor="middle") for p in points),
        text(_WIDTH / 2, _BOTTOM + 38, "requests offered a second", colour=FAINT, anchor="middle"),
        text(_LEFT - 8, _TOP - 8, "good answers a second", colour=good),
        text(_WIDTH - _RIGHT + 8, _TOP - 8, "p99 of good answers, ms", colour=p99, anchor="end"),
        line([point.good for point in points], most, good),
        line([point.p99 for point in points], slowest, p99),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="{GROUND}"/>{"".join(parts)}</svg>\n'
    )


def _mark(share: float, most: float, slowest: float) -> str:
    y = _y(share)
    rule = f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
    left = text(_LEFT - 8, y + 4, f"{share * most:,.0f}", anchor="end")
    return rule + left + text(_WIDTH - _RIGHT + 8, y + 4, f"{share * slowest:,.0f}")


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _BOTTOM - share * (_BOTTOM - _TOP)


def _round_up(value: float) -> float:
    """To a multiple of 200: marks are multiples of 50."""
    return max(200.0, -(-value // 200) * 200)
