"""The ids of a request, and how code below finds its record."""

import pytest

from observability import context
from observability.context import RequestRecord, Sampler

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def started(*values: str, ratio: float = 0) -> RequestRecord:
    """The record of a request with these `traceparent` headers."""
    return Sampler(ratio).start([(b"host", b"shop"), *[(b"traceparent", value.encode()) for value in values]])


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


def test_only_a_trace_that_is_kept_becomes_an_exemplar() -> None:
    kept, dropped = started(ratio=1), started(ratio=0)
    assert (kept.exemplar, dropped.exemplar) == (kept.trace_id, "")


def test_outside_a_request_there_is_no_record() -> None:
    assert context.current() is None
    context.mark_shed()


def test_a_record_is_current_between_enter_and_leave() -> None:
    record = started()
    token = context.enter(record)
    assert context.current() is record
    context.mark_shed()
    context.leave(token)
    assert context.current() is None
    assert record.is_shed
