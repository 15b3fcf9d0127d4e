"""Can what the other boards say be trusted?"""

from dashboards.boards import foreign as f
from dashboards.boards.board import Dashboard, Section
from dashboards.boards.panels import GREEN, RED, YELLOW, Ask, Column, Graph, Panel, Steps, Table
from dashboards.boards.percentiles import percentiles
from dashboards.boards.promql import RATE_WINDOW, or_none, rate, select, select_everywhere, share, total
from observability import conventions as c

INSTANCE = ("instance",)
BY_INSTANCE = "{{instance}}"
BY_JOB_AND_INSTANCE = "{{job}} {{instance}}"
OF_PROMETHEUS = "Prometheus itself is none of them"
ALL_TARGETS = "a target that is down has to be seen whatever is chosen"


def board() -> Dashboard:
    return Dashboard(
        board="telemetry",
        description="Whether the telemetry itself is well: targets, series, scrapes, spans and rules.",
        sections=(
            Section("Targets", targets()),
            Section("Metrics", metrics()),
            Section("Traces", traces()),
            Section("Prometheus", prometheus()),
        ),
    )


def targets() -> tuple[Panel, ...]:
    return (
        Table(
            title="Targets",
            does="Whether each target answered its last scrape. 0: the process is down, or Prometheus cannot reach it; what it would "
            "say is missing on all boards.",
            unit="short",
            asks=(Ask(select_everywhere(f.UP)),),
            columns=(
                Column(field="job", name="Job"),
                Column(field="instance", name="Instance"),
                Column(field="Value", name="Up", unit="bool_yes_no", steps=Steps({1: GREEN}, start=RED)),
            ),
            sorted_by="Up",
            everywhere=ALL_TARGETS,
            width=8,
        ),
        Graph(
            title="Scrapes",
            does="How long each scrape took, as Prometheus saw it. Near its interval, points go missing: fewer series, or a longer "
            "interval.",
            unit="s",
            asks=(Ask(select(f.SCRAPE_SECONDS), BY_JOB_AND_INSTANCE),),
            steps=Steps({1: YELLOW, 5: RED}),
        ),
        Graph(
            title="Samples of a scrape",
            does="How many samples each scrape brought. Growing without end is a label that is not bounded.",
            unit="short",
            asks=(Ask(select(f.SCRAPE_SAMPLES), BY_JOB_AND_INSTANCE),),
            steps=Steps({10_000: YELLOW, 50_000: RED}),
        ),
    )


def metrics() -> tuple[Panel, ...]:
    dropped = rate(c.TELEMETRY_SERIES_DROPPED, by=(c.METRIC,))
    return (
        Graph(
            title="Series exposed",
            does="How many series each instance exposes. Each metric has a budget, so that this cannot grow for ever.",
            unit="short",
            asks=(Ask(total(c.TELEMETRY_SERIES, by=INSTANCE), BY_INSTANCE),),
        ),
        Graph(
            title="Label values dropped",
            does="Label values a second that did not fit the budget of their metric and were counted under <overflow>. Anything "
            "above 0: find the label that is not bounded; until then, do not trust the metric by that label.",
            unit="ops",
            asks=(Ask(or_none(dropped, c.METRIC, total(f.UP)), f"{{{{{c.METRIC}}}}}"),),
            steps=Steps({0.001: RED}),
        ),
        Graph(
            title="Rendering",
            does="How long the service took to write its metrics, off the event loop.",
            unit="s",
            asks=percentiles(c.TELEMETRY_SCRAPE_DURATION),
            steps=Steps({0.25: YELLOW, 1: RED}),
        ),
    )


def traces() -> tuple[Panel, ...]:
    spans = rate(c.TELEMETRY_SPANS, by=(c.OUTCOME,))
    lost = rate(c.TELEMETRY_SPANS, f'{c.OUTCOME}=~"dropped|failed"')
    return (
        Graph(
            title="Spans by outcome",
            does="Spans of kept traces a second: exported, failed because Tempo did not take them, or dropped because too many "
            "waited for it. Requests cost the same either way.",
            unit="ops",
            asks=(Ask(spans, f"{{{{{c.OUTCOME}}}}}"),),
            is_stacked=True,
            width=12,
        ),
        Graph(
            title="Spans lost",
            does="The share of spans of kept traces that did not arrive. Above 0: Tempo is down or too slow, and exemplars lead nowhere.",
            unit="percentunit",
            asks=(Ask(share(lost, rate(c.TELEMETRY_SPANS)), "lost"),),
            steps=Steps({0.001: YELLOW, 0.05: RED}),
            top=1,
            width=12,
        ),
    )


def prometheus() -> tuple[Panel, ...]:
    seconds, interval = select_everywhere(f.RULE_GROUP_SECONDS), select_everywhere(f.RULE_GROUP_INTERVAL)
    return (
        Graph(
            title="Rule evaluation",
            does="The share of its interval that each group of rules takes. Near 100 % alerts come late.",
            unit="percentunit",
            asks=(
                Ask(_without_folder(f"max by (rule_group) ({seconds} / ({interval} > 0))"), "{{rule_group}}"),
            ),
            steps=Steps({0.5: YELLOW, 0.9: RED}),
            everywhere=OF_PROMETHEUS,
        ),
        Graph(
            title="Failed rules",
            does="Rules a second that could not be evaluated. Anything above 0: an alert is blind; Prometheus's rules page says why.",
            unit="ops",
            asks=(
                Ask(
                    _without_folder(
                        f"sum by (rule_group) (rate({select_everywhere(f.RULE_FAILURES)}[{RATE_WINDOW}]))"
                    ),
                    "{{rule_group}}",
                ),
            ),
            steps=Steps({0.001: RED}),
            everywhere=OF_PROMETHEUS,
        ),
        Graph(
            title="Series in Prometheus",
            does="Series that Prometheus holds in memory, from all targets. A jump after a deploy is a new label.",
            unit="short",
            asks=(Ask(f"max ({select_everywhere(f.HEAD_SERIES)})", "series"),),
            everywhere=OF_PROMETHEUS,
        ),
    )


def _without_folder(groups: str) -> str:
    """Rule groups by file and name, wherever Prometheus reads its rules."""
    return f'label_replace({groups}, "rule_group", "${{1}}", "rule_group", ".*/(.*)")'
