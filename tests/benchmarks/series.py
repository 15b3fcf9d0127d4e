"""3,400 series: what a service with 200 combinations of method, route and status has."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Any, Protocol

import prometheus_client
from prometheus_client import CollectorRegistry

from observability import conventions
from observability.metrics.instruments import Histogram
from observability.metrics.registry import Registry

CHILDREN = 200
_NAME = "benchmark_request_duration_seconds"
_LIKE = conventions.HTTP_REQUEST_DURATION
# Of each child: a bucket for each bound, one without bound, count and sum.
SERIES = CHILDREN * (len(_LIKE.buckets) + 3)

_ROUTES, _METHODS, _STATUSES = 20, ("GET", "POST"), ("200", "201", "404", "422", "500")
_OBSERVATIONS = 500


class Child(Protocol):
    """The series of one combination."""

    def observe(self, amount: float, /) -> None: ...


def ours(registry: Registry) -> list[Child]:
    """The children of a family of ours, with some history."""
    family = Histogram(replace(_LIKE, name=_NAME), registry)
    return _with_history(family.labels(*values) for values in _label_values())


def theirs(registry: CollectorRegistry) -> list[Child]:
    """The same of prometheus_client."""
    # It would add a series to each child that ours has not.
    prometheus_client.disable_created_metrics()
    family: Any = prometheus_client.Histogram(
        _NAME, _LIKE.documentation, _LIKE.labels, buckets=_LIKE.buckets, registry=registry
    )
    return _with_history(family.labels(*values) for values in _label_values())


def touch(children: Iterable[Child]) -> None:
    """Let each child change."""
    for child in children:
        child.observe(0.02)


def _with_history(children: Iterable[Child]) -> list[Child]:
    random, known = Random(11), list(children)
    for child in known:
        for _ in range(_OBSERVATIONS):
            child.observe(random.expovariate(20))
    return known


def _label_values() -> Iterator[tuple[str, str, str]]:
    for number in range(_ROUTES):
        for method in _METHODS:
            for status in _STATUSES:
                yield method, f"/api/resource-{number}/{{resource_id}}", status
