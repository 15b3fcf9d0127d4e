"""The house's panels: what each of ours has, on top of grafana-foundation-sdk, whose defaults leave too much out.

A board is data: panels that say their title, what they mean and what to do, their unit, and where it gets serious.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias, TypeVar

from grafana_foundation_sdk.builders import common as shared
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.builders import heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode, HeatmapColorScale
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.boards.links import to_board
from dashboards.links import Board

DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, YELLOW, ORANGE, RED = "green", "yellow", "orange", "red"
QUERY_LETTERS = "ABCDEFGHIJ"

Visual: TypeAlias = timeseries.Panel | stat.Panel | table.Panel | heatmap.Panel
V = TypeVar("V", timeseries.Panel, stat.Panel, table.Panel, heatmap.Panel)


@dataclass(frozen=True, slots=True)
class Ask:
    """One query of a panel, and what its answers are called.

    Attributes:
        exemplars: Also show single requests, each of which leads to its trace.
    """

    expr: str
    legend: str = ""
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """Where it gets serious: the colour from each value upwards, after the one at the start."""

    at: Mapping[float, str] = field(default_factory=dict)
    start: str = GREEN

    def build(self) -> grafana.ThresholdsConfig:
        steps = [dashboard.Threshold(value=value, color=color) for value, color in sorted(self.at.items())]
        return grafana.ThresholdsConfig().steps([dashboard.Threshold(color=self.start), *steps])


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What all panels have.

    Attributes:
        does: What it means and what to do about it, for somebody at three in the morning.
        steps: Where it gets serious.
        see: Boards where to look next.
        everywhere: Why it does not keep to the chosen jobs and instances, where it does not.
    """

    title: str
    does: str
    unit: str
    asks: tuple[Ask, ...]
    steps: Steps = Steps()
    see: tuple[Board, ...] = ()
    everywhere: str = ""
    width: int = 8
    height: int = 8

    is_instant: ClassVar[bool] = False
    format: ClassVar[PromQueryFormat] = PromQueryFormat.TIME_SERIES

    def build(self, number: int) -> Visual:
        """The panel as Grafana knows it, with this id."""
        raise NotImplementedError

    def _completed(self, visual: V, number: int) -> V:
        return (
            visual.id(number)
            .title(self.title)
            .description(self._description())
            .datasource(DATASOURCE)
            .unit(self.unit)
            .thresholds(self.steps.build())
            .links([to_board(board) for board in self.see])
            .targets(
                [self._target(letter, ask) for letter, ask in zip(QUERY_LETTERS, self.asks, strict=False)]
            )
            .span(self.width)
            .height(self.height)
        )

    def _description(self) -> str:
        if not self.everywhere:
            return self.does
        return f"{self.does}\n\nNot narrowed to the chosen jobs and instances: {self.everywhere}."

    def _target(self, letter: str, ask: Ask) -> prometheus.Dataquery:
        query = (
            prometheus.Dataquery()
            .ref_id(letter)
            .datasource(DATASOURCE)
            .expr(ask.expr)
            .legend_format(ask.legend)
            .format(self.format)
            .exemplar(ask.exemplars)
        )
        return query.instant() if self.is_instant else query.range()


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph(Panel):
    """Lines over time, with a line at each step.

    Attributes:
        calcs: What the legend says about each line.
        floor: Where the axis begins at the latest.
        top: The end of the axis, where values cannot go beyond it.
    """

    calcs: tuple[str, ...] = ("lastNotNull", "mean", "max")
    is_stacked: bool = False
    floor: float | None = 0
    top: float | None = None

    def build(self, number: int) -> timeseries.Panel:
        graph = (
            self._completed(timeseries.Panel(), number)
            .legend(_legend(self.calcs))
            .tooltip(_tooltip())
            .line_width(1)
            .fill_opacity(60 if self.is_stacked else 8)
            .show_points(common.VisibilityMode.AUTO)
            .stacking(
                shared.StackingConfig().mode(
                    common.StackingMode.NORMAL if self.is_stacked else common.StackingMode.NONE
                )
            )
            .thresholds_style(shared.GraphThresholdsStyleConfig().mode(self._threshold_lines()))
        )
        if self.floor is not None:
            graph.min(self.floor)
        if self.top is not None:
            graph.max(self.top)
        return graph

    def _threshold_lines(self) -> common.GraphThresholdsStyleMode:
        style = common.GraphThresholdsStyleMode
        return style.DASHED if self.steps.at else style.OFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat(Panel):
    """One number now, coloured by how serious it is, and how it got there.

    Attributes:
        none: What it reads where there is no number.
    """

    width: int = 4
    height: int = 5
    none: str = "no data"

    def build(self, number: int) -> stat.Panel:
        return (
            self._completed(stat.Panel(), number)
            .no_value(self.none)
            .reduce_options(shared.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
            .graph_mode(common.BigValueGraphMode.NONE if self.is_instant else common.BigValueGraphMode.AREA)
            .color_mode(common.BigValueColorMode.VALUE)
            .text_mode(common.BigValueTextMode.AUTO)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Stat):
    """One number about the whole time that the board shows."""

    is_instant: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap(Panel):
    """How many observations fell into each bucket, over time."""

    format: ClassVar[PromQueryFormat] = PromQueryFormat.HEATMAP

    def build(self, number: int) -> heatmap.Panel:
        return (
            self._completed(heatmap.Panel(), number)
            .calculate(calculate=False)
            .color(
                heatmap.HeatmapColorOptions()
                .mode(HeatmapColorMode.SCHEME)
                .scheme("Spectral")
                .scale(HeatmapColorScale.EXPONENTIAL)
                .exponent(0.5)
                .steps(64)
                .reverse(reverse=True)
            )
            .y_axis(heatmap.YAxisConfig().unit(self.unit))
            .tooltip(
                heatmap.HeatmapTooltip().mode(common.TooltipDisplayMode.SINGLE).y_histogram(y_histogram=True)
            )
            .show_legend()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: the field it shows and how.

    Attributes:
        field: A label, or `Value #A` for the numbers of the first query.
        link: Where a click on a value leads; `${__value.text}` is that value.
    """

    field: str
    name: str
    unit: str = ""
    link: str = ""
    steps: Steps | None = None

    def properties(self) -> list[dashboard.DynamicConfigValue]:
        properties: dict[str, object] = {}
        if self.unit:
            properties["unit"] = self.unit
        if self.link:
            properties["links"] = [{"title": "Show ${__value.text}", "url": self.link}]
        if self.steps:
            properties["thresholds"] = self.steps.build().build()
            properties["custom.cellOptions"] = {"type": "color-text"}
        return [dashboard.DynamicConfigValue(id_val=key, value=value) for key, value in properties.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Panel):
    """The answers of several queries side by side, one row for each value of their label."""

    columns: tuple[Column, ...]
    sorted_by: str
    width: int = 24
    none: str = "nothing"

    is_instant: ClassVar[bool] = True
    format: ClassVar[PromQueryFormat] = PromQueryFormat.TABLE

    def build(self, number: int) -> table.Panel:
        visual = (
            self._completed(table.Panel(), number)
            .no_value(self.none)
            .sort_by([shared.TableSortByFieldState().display_name(self.sorted_by).desc(desc=True)])
            .with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
            .with_transformation(
                dashboard.DataTransformerConfig(
                    id_val="organize",
                    options={
                        "includeByName": {column.field: True for column in self.columns},
                        "indexByName": {column.field: index for index, column in enumerate(self.columns)},
                        "renameByName": {column.field: column.name for column in self.columns},
                    },
                )
            )
        )
        for column in self.columns:
            visual.override_by_name(column.name, column.properties())
        return visual


def _legend(calcs: tuple[str, ...]) -> shared.VizLegendOptions:
    return (
        shared.VizLegendOptions()
        .show_legend(show_legend=True)
        .display_mode(common.LegendDisplayMode.TABLE)
        .placement(common.LegendPlacement.BOTTOM)
        .calcs(list(calcs))
        .sort_by("Last *")
        .sort_desc(sort_desc=True)
    )


def _tooltip() -> shared.VizTooltipOptions:
    return shared.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
