"""Numbers as Grafana writes them, more or less."""

import math
from collections.abc import Callable, Mapping

PERIODS = ((86400, "d"), (60, "min"), (1, "s"))
STEPS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
MEBI = 1024**2


def shown(value: float, unit: str) -> str:
    """With its unit."""
    return "-" if math.isnan(value) else UNITS.get(unit, _short)(value)


def _short(value: float) -> str:
    for size, letter in STEPS:
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.3g}"


def _seconds(value: float) -> str:
    for size, name in PERIODS:
        if abs(value) >= size:
            return f"{value / size:.3g} {name}"
    return f"{1000 * value:.3g} ms" if value else "0 s"


UNITS: Mapping[str, Callable[[float], str]] = {
    "s": _seconds,
    "dtdurations": _seconds,
    "percentunit": lambda value: f"{100 * value:,.0f} %" if abs(value) > 1 else f"{100 * value:.4g} %",
    "bytes": lambda value: f"{value / MEBI:,.0f} MiB",
    "reqps": lambda value: f"{_short(value)} req/s",
    "ops": lambda value: f"{_short(value)}/s",
    "bool_yes_no": lambda value: "yes" if value else "no",
    "bool_on_off": lambda value: "on" if value else "off",
}
