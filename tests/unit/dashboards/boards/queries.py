"""What a query is made of."""

from dataclasses import dataclass, field
from functools import cache

import promql_parser as promql

from dashboards.boards.foreign import FOREIGN
from observability import conventions
from observability.conventions import Metric

HISTOGRAM_PARTS = ("_bucket", "_count", "_sum")


@dataclass(frozen=True, slots=True)
class Selector:
    """One metric in a query."""

    name: str
    matchers: dict[str, tuple[str, str]]

    @property
    def labels(self) -> set[str]:
        return set(self.matchers)


@dataclass(slots=True)
class Parts:
    """Everything that the rules look at."""

    selectors: list[Selector] = field(default_factory=list)
    ranges: list[tuple[str, promql.MatrixSelector]] = field(default_factory=list)
    aggregations: list[promql.AggregateExpr] = field(default_factory=list)
    calls: list[promql.Call] = field(default_factory=list)
    binaries: list[promql.BinaryExpr] = field(default_factory=list)


def parts(expr: str) -> Parts:
    found = Parts()

    def visit(node: promql.Expr) -> None:
        match node:
            case promql.VectorSelector():
                found.selectors.append(selector(node))
            case promql.AggregateExpr():
                found.aggregations.append(node)
            case promql.BinaryExpr():
                found.binaries.append(node)
            case promql.Call():
                found.calls.append(node)
                found.ranges.extend(
                    (node.func.name, argument)
                    for argument in node.args
                    if isinstance(argument, promql.MatrixSelector)
                )

    promql.walk(promql.parse(expr), visit)
    return found


def selector(node: promql.VectorSelector) -> Selector:
    return Selector(
        node.name or "",
        {matcher.name: (str(matcher.op), matcher.value) for matcher in node.matchers.matchers},
    )


@cache
def known() -> dict[str, Metric]:
    """Each metric by the names that queries may use."""
    names: dict[str, Metric] = {}
    for metric in (*conventions.METRICS, *FOREIGN):
        suffixes = HISTOGRAM_PARTS if metric.kind == "histogram" else ("",)
        names |= {metric.name + suffix: metric for suffix in suffixes}
    return names
