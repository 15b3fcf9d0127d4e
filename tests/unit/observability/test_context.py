"""The ids of a request, and how code below finds its record."""

from observability import context
from observability.context import RequestRecord


def started(*, is_sampled: bool = False) -> RequestRecord:
    return RequestRecord(7, "", is_sampled=is_sampled)


def test_only_a_trace_that_is_kept_becomes_an_exemplar() -> None:
    chosen, kept, dropped = started(is_sampled=True), started(), started()
    kept.is_kept = True
    assert [record.exemplar for record in (chosen, kept, dropped)] == [chosen.trace_id, kept.trace_id, ""]


def test_outside_a_request_there_is_no_record() -> None:
    assert context.current() is None
    context.mark_shed()
    context.mark_limit("deadline")


def test_a_record_is_current_between_enter_and_leave() -> None:
    record = started()
    token = context.enter(record)
    assert context.current() is record
    context.mark_shed()
    context.mark_limit("deadline")
    context.leave(token)
    assert context.current() is None
    assert (record.is_shed, record.limit) == (True, "deadline")
