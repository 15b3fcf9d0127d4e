"""The names themselves: what Prometheus and OpenTelemetry expect of them."""

import re
import subprocess
import sys

import pytest

from observability import span_conventions
from observability.conventions import LABELS, METRICS, Metric

ids = [metric.name for metric in METRICS]


def test_every_name_is_spelled_once() -> None:
    assert len(set(ids)) == len(ids) > 30


@pytest.mark.parametrize("metric", METRICS, ids=ids)
def test_every_metric_is_named_as_prometheus_wants(metric: Metric) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert (
        not metric.name.endswith(("_count", "_sum", "_bucket")) or metric.name == "db_client_connection_count"
    )


@pytest.mark.parametrize("metric", METRICS, ids=ids)
def test_every_metric_and_label_is_explained(metric: Metric) -> None:
    assert metric.documentation.endswith(".")
    assert set(metric.labels) <= LABELS.keys()


@pytest.mark.parametrize("metric", METRICS, ids=ids)
def test_histograms_have_ascending_buckets_and_others_none(metric: Metric) -> None:
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))


def test_every_attribute_of_a_span_is_explained() -> None:
    names = {
        value for name, value in vars(span_conventions).items() if name.isupper() and isinstance(value, str)
    }
    assert names - span_conventions.ATTRIBUTES.keys() == {span_conventions.LOOP_BLOCKED_EVENT}


def test_reading_the_names_loads_no_framework() -> None:
    script = (
        "import sys, observability.conventions; "
        "print([name for name in ('starlette', 'fastapi', 'prometheus_client') if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert loaded.stdout.strip() == "[]"
