"""What a reader chooses, on every board alike."""

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.models import dashboard

from dashboards.boards.foreign import SLO, SLO_OBJECTIVE
from dashboards.boards.panels import DATASOURCE
from dashboards.boards.promql import select_count, select_everywhere
from observability import conventions as c

# All series that have the label at all, as Grafana's dashboard-linter asks.
ANY = ".+"


def datasource() -> grafana.DatasourceVariable:
    return (
        grafana.DatasourceVariable("datasource")
        .label("Data source")
        .type("prometheus")
        .current(dashboard.VariableOption(text="Prometheus", value="prometheus"))
    )


def chosen(jobs: list[str]) -> list[grafana.QueryVariable]:
    """All to begin with, but for the jobs: `All` of them has Prometheus and the exporters in it."""
    of_job = 'job=~"$job"'
    return [
        _values("job", "Job", select_everywhere(c.BUILD_INFO), "job").current(
            dashboard.VariableOption(text=jobs, value=jobs)
        ),
        _values("instance", "Instance", select_everywhere(c.BUILD_INFO, of_job), "instance"),
        _values("route", "Route", select_everywhere(c.HTTP_OUTCOMES, of_job), c.ROUTE),
        _values("method", "Method", select_count(c.HTTP_REQUEST_DURATION), c.METHOD),
        _values("slo", "Objective", select_everywhere(SLO_OBJECTIVE), SLO),
    ]


def _values(name: str, label: str, selector: str, of: str) -> grafana.QueryVariable:
    query = f"label_values({selector}, {of})"
    return (
        grafana.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query(query)
        .definition(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(ANY)
        .current(dashboard.VariableOption(text="All", value="$__all"))
    )
