"""Pitfalls of looking: what is dropped, late, or not evaluated."""

from dashboards.slo.query import Query, value_of
from dashboards.slo.symptoms.symptom import Symptom
from observability import conventions

LOST = "failed|dropped"


def telemetry(ours: Query) -> tuple[Symptom, ...]:
    """The telemetry watches itself."""
    dropped = ours.series(conventions.TELEMETRY_SERIES_DROPPED.name)
    lost = f'{conventions.OUTCOME}=~"{LOST}"'
    return (
        Symptom(
            name="SeriesDropped",
            # The series is born with the first drop, which is no increase of anything.
            expr=f"increase({dropped}[15m]) > 0\nor\n({dropped} > 0 unless {dropped} offset 15m)",
            hold="5m",
            board="telemetry",
            summary=f"{value_of(conventions.METRIC)} has more series than its budget",
            description="New label values are counted under `<overflow>`: a label is not bounded, or the budget is too small.",
        ),
        Symptom(
            name="SpansDropped",
            expr=f"{ours.increase(conventions.TELEMETRY_SPANS.name, '15m', lost)} > 0",
            hold="10m",
            board="telemetry",
            summary="{{ $labels.instance }} lost {{ $value | humanize }} spans in 15 minutes",
            description="Traces of slow and failed requests are incomplete: the collector is away, or too slow.",
        ),
        Symptom(
            name="MetricsScrapeSlow",
            expr=f"{ours.quantile(0.99, conventions.TELEMETRY_SCRAPE_DURATION, '15m')} > 1",
            hold="15m",
            board="telemetry",
            summary="It takes {{ $value | humanizeDuration }} to render the metrics of {{ $labels.instance }}",
            description="Scrapes that time out are gaps in every graph and alert.",
        ),
        Symptom(
            name="RuleEvaluationFailing",
            expr="increase(prometheus_rule_evaluation_failures_total[10m]) > 0",
            hold="5m",
            severity="page",
            board="telemetry",
            about=(),
            summary="Prometheus cannot evaluate {{ $labels.rule_group }}",
            description="Objectives and alerts of that group are not watched.",
        ),
        Symptom(
            name="AlertsNotDelivered",
            expr="increase(prometheus_notifications_dropped_total[10m]) > 0",
            hold="5m",
            board="telemetry",
            about=(),
            summary="Prometheus could not hand {{ $value | humanize }} alerts to Alertmanager in 10 minutes",
            description="Nobody is told what fires. The watchdog tells those who expect it.",
        ),
    )
