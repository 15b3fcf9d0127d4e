"""The table, for the terminal and for RESULTS.md."""

from collections.abc import Iterable, Mapping, Sequence

from tests.benchmarks.figures import Line, Result, Target
from tests.benchmarks.row import Row

Cells = tuple[str, ...]

_HEADER: Cells = ("Row", "What", "Median", "Spread", "Target", "Met")
_LEFT = frozenset({"Row", "What"})
_METHOD = """\
Every figure is a median of rounds, with its quartiles (of three rounds: smallest and largest). Within a round the
contenders take turns, and ratios and differences are taken round by round, so what slows the whole machine for a
while slows both sides. Contenders live in processes of their own for the whole row. Where the machine has two cores
or more, what is measured has one to itself; the load, PostgreSQL and Valkey have the rest."""


def table(results: Mapping[Row, Result]) -> str:
    """All lines of all rows, aligned, as Markdown."""
    body = [_cells(row, line) for row, result in results.items() for line in result.lines]
    return "\n".join(_aligned([_HEADER, *body]))


def document(results: Mapping[Row, Result], environment: Iterable[tuple[str, str]]) -> str:
    """The whole of RESULTS.md."""
    facts = "\n".join(f"- {name}: {value}" for name, value in environment)
    parts = ["# Benchmark results", "Written by `make bench`; do not edit.", facts, _METHOD, table(results)]
    for row, result in results.items():
        parts += [f"## {row.name}: {row.title}", row.method, *result.remarks]
    return "\n\n".join(parts) + "\n"


def number(value: float) -> str:
    """Three significant digits, at most two decimals."""
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"


def _cells(row: Row, line: Line) -> Cells:
    low, high = line.figure.spread
    return (
        row.name,
        line.what,
        _quantity(line.figure.median, line.unit),
        f"{number(low)} to {number(high)}",
        _wanted(line.target, line.unit) if line.target else "",
        _verdict(line.target.is_met(line.figure)) if line.target else "",
    )


def _quantity(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".rstrip()


def _wanted(target: Target, unit: str) -> str:
    return f"{'<=' if target.is_upper else '>='} {target.bound:g} {unit}".rstrip()


def _verdict(is_met: bool) -> str:  # noqa: FBT001 (the only thing it is about)
    return "yes" if is_met else "**no**"


def _aligned(rows: Sequence[Cells]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = tuple(_rule(name, width) for name, width in zip(rows[0], widths, strict=True))
    return [_joined(cells, widths) for cells in (rows[0], rule, *rows[1:])]


def _rule(name: str, width: int) -> str:
    return "-" * width if name in _LEFT else "-" * (width - 1) + ":"


def _joined(cells: Cells, widths: Sequence[int]) -> str:
    padded = (
        cell.ljust(width) if name in _LEFT else cell.rjust(width)
        for name, cell, width in zip(_HEADER, cells, widths, strict=True)
    )
    return f"| {' | '.join(padded)} |"
