"""What happened meanwhile, drawn over every graph."""

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard

from dashboards.boards.foreign import FIRING_ALERTS
from dashboards.boards.links import ABOVE_THE_PANELS
from dashboards.boards.panels import DATASOURCE
from dashboards.boards.promql import select
from observability import conventions as c

# A new version is a new series, so that `changes` would never see one.
NEW_VERSION = (
    f"max by ({c.VERSION}, {c.REVISION}) ({select(c.BUILD_INFO)}) "
    f"unless max by ({c.VERSION}, {c.REVISION}) ({select(c.BUILD_INFO)} offset 5m)"
)
FIRING = f"max by (alertname, severity) ({FIRING_ALERTS})"


def annotations() -> list[Builder[dashboard.AnnotationQuery]]:
    return [
        _query("Deploys", NEW_VERSION, "blue", title="Deploy", text="{{version}} {{revision}}"),
        _query("Alerts", FIRING, "red", title="{{alertname}}", text="{{severity}}"),
    ]


def _query(name: str, expr: str, colour: str, *, title: str, text: str) -> grafana.AnnotationQuery:
    return (
        grafana.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(enable=True)
        .icon_color(colour)
        .expr(expr)
        .step("30s")
        .title_format(title)
        .text_format(text)
        .tag_keys("alertname,severity")
        .placement(ABOVE_THE_PANELS)
    )
