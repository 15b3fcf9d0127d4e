import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.infra import cursors


@given(st.integers(min_value=0, max_value=2**53 - 1))
def test_a_cursor_leads_back_to_its_id(last_id: int) -> None:
    assert cursors.decode(cursors.encode(last_id)) == last_id


@given(st.text(max_size=64))
def test_only_cursors_that_we_made_are_accepted(text: str) -> None:
    try:
        last_id = cursors.decode(text)
    except ValueError:
        return
    assert cursors.encode(last_id) == text


@pytest.mark.parametrize("cursor", ["", "nonsense", "YWZ0ZXI6LTE", "YWZ0ZXI6OTAwNzE5OTI1NDc0MDk5Mg", "é"])
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="next_cursor"):
        cursors.decode(cursor)
