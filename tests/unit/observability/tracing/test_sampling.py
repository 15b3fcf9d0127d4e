"""Which traces are chosen at their start."""

from typing import Any

import pytest

from observability.context import RequestRecord
from observability.tracing.sampling import NEVER, Sampler, SamplingRule
from tests.unit.observability.server import http_scope

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def started(*values: str, ratio: float = 0, path: str = "/", **rule: Any) -> RequestRecord:
    """The record of a request with these `traceparent` headers."""
    headers = [(b"traceparent", value.encode()) for value in values]
    trace_number, parent_id, is_sampled = Sampler(SamplingRule(ratio, **rule)).decide(
        http_scope(path, headers=headers)
    )
    return RequestRecord(trace_number, parent_id, is_sampled=is_sampled)


@pytest.mark.parametrize(("flags", "is_sampled"), [("01", True), ("00", False), ("03", True), ("02", False)])
def test_a_callers_trace_is_continued_with_its_decision(flags: str, is_sampled: bool) -> None:  # noqa: FBT001  a case
    record = started(f"00-{TRACE}-{SPAN}-{flags}", ratio=1 - is_sampled)
    assert (record.trace_id, record.parent_id, record.is_sampled) == (TRACE, SPAN, is_sampled)
    assert record.span_id != SPAN


@pytest.mark.parametrize(
    "value",
    [
        f"cc-{TRACE}-{SPAN}-01-what-the-future-brings",
        f" 00-{TRACE}-{SPAN}-01 ",
    ],
)
def test_later_versions_and_surrounding_spaces_are_accepted(value: str) -> None:
    assert started(value).trace_id == TRACE


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nonsense",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-zz",
        f"00-{TRACE}\n-{SPAN}-01",
    ],
)
def test_an_invalid_traceparent_starts_a_new_trace(value: str) -> None:
    record = started(value, ratio=1)
    assert record.trace_id not in {TRACE, "0" * 32}
    assert (record.parent_id, record.is_sampled) == ("", True)


def test_new_traces_have_ids_of_their_own() -> None:
    records = [started() for _ in range(100)]
    assert len({record.trace_id for record in records} | {record.span_id for record in records}) == 200
    assert {len(record.trace_id) for record in records} == {32}
    assert {len(record.span_id) for record in records} == {16}
    assert [record.span_id for record in records] == [record.span_id for record in records]


@pytest.mark.parametrize("ratio", [0, 0.25, 1])
def test_the_ratio_decides_how_many_new_traces_are_kept(ratio: float) -> None:
    kept = sum(started(ratio=ratio).is_sampled for _ in range(4_000))
    assert kept == pytest.approx(4_000 * ratio, abs=200 if 0 < ratio < 1 else 0)


@pytest.mark.parametrize(("flags", "ratio"), [("01", 0), ("00", 1)])
def test_a_sampler_that_does_not_follow_parents_decides_by_itself(flags: str, ratio: float) -> None:
    record = started(f"00-{TRACE}-{SPAN}-{flags}", ratio=ratio, follows_parent=False)
    assert (record.trace_id, record.is_sampled) == (TRACE, bool(ratio))


@pytest.mark.parametrize(
    ("path", "is_sampled"),
    [
        ("/health", False),
        ("/health/ready", True),
        ("/files/a/b", False),
        ("/items/7", False),
        ("/items/7/parts", True),
        ("/items/", True),
        ("/healthx", True),
    ],
)
def test_routes_can_have_ratios_of_their_own(path: str, is_sampled: bool) -> None:  # noqa: FBT001  a case
    routes = {"/health": 0, "/files/{name:path}": 0, "/items/{item_id}": 0}
    assert started(path=path, ratio=1, routes=routes).is_sampled == is_sampled


def test_routes_are_known_below_the_root_path() -> None:
    sampler = Sampler(SamplingRule(0, routes={"/items": 1}))
    _, _, is_sampled = sampler.decide(http_scope("/shop/items", root_path="/shop"))
    assert is_sampled


def test_without_tracing_nothing_is_chosen() -> None:
    scope = http_scope("/", headers=[(b"traceparent", f"00-{TRACE}-{SPAN}-01".encode())])
    trace_number, _, is_sampled = Sampler(NEVER).decide(scope)
    assert (f"{trace_number:032x}", is_sampled) == (TRACE, False)
