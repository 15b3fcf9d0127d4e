"""docs/telemetry.md, written from the conventions: `python -m observability.documentation > docs/telemetry.md`."""

import sys
from collections.abc import Iterator

from observability.conventions import LABELS, METRICS, OVERFLOW, Metric
from observability.header_conventions import RESPONSE_HEADERS
from observability.span_conventions import ATTRIBUTES

_HEAD = """\
# What the telemetry says

Written from `conventions.py`, `span_conventions.py` and `header_conventions.py` of `observability` by
`python -m observability.documentation > docs/telemetry.md`; change it there.
Durations are in seconds. Names follow the OpenTelemetry semantic conventions in their Prometheus form where those exist.
"""


def render() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_metrics(), "", *_labels(), "", *_headers(), "", *_span_attributes(), ""])


def _metrics() -> Iterator[str]:
    yield "## Metrics\n\n| Metric | Type | Labels | Meaning |\n|---|---|---|---|"
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"| `{metric.name}` | {metric.kind} | {labels} | {metric.documentation}{_buckets(metric)} |"


def _buckets(metric: Metric) -> str:
    bounds = " ".join(f"{bound:g}" for bound in metric.buckets)
    return f" Buckets: {bounds}." if bounds else ""


def _labels() -> Iterator[str]:
    yield f"## Labels\n\nValues that exceed a metric's budget of series read `{OVERFLOW}`.\n"
    yield "| Label | Value |\n|---|---|"
    for label, meaning in LABELS.items():
        yield f"| `{label}` | {meaning} |"


def _headers() -> Iterator[str]:
    yield "## Response headers\n\n| Header | Value |\n|---|---|"
    for header, meaning in RESPONSE_HEADERS.items():
        yield f"| `{header}` | {meaning} |"


def _span_attributes() -> Iterator[str]:
    yield "## Attributes of spans\n"
    yield "Those of requests are what `opentelemetry-instrumentation-fastapi` says of them.\n"
    yield "| Attribute | Value |\n|---|---|"
    for attribute, meaning in ATTRIBUTES.items():
        yield f"| `{attribute}` | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(render())
