import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.infra.etags import etag, matches

VERSIONS = st.integers(1, 2**31 - 1)


@given(VERSIONS)
def test_the_tag_of_a_version_matches_it(version: int) -> None:
    assert matches(etag(version), version)


@given(VERSIONS, VERSIONS)
def test_the_tag_of_another_version_does_not_match(one: int, other: int) -> None:
    assert matches(etag(one), other) is (one == other)


@given(st.lists(VERSIONS, min_size=1), VERSIONS)
def test_a_list_matches_what_is_in_it(listed: list[int], version: int) -> None:
    assert matches(", ".join(map(etag, listed)), version) is (version in listed)


@pytest.mark.parametrize("if_match", ["*", " * "])
def test_a_star_matches_every_version(if_match: str) -> None:
    assert matches(if_match, 7)


@pytest.mark.parametrize("if_match", ['W/"7"', "7", "", '"77"', '"*"', '"7', "'7'", '"07"', '" 7"'])
def test_nothing_else_matches(if_match: str) -> None:
    assert not matches(if_match, 7)


@given(st.text(max_size=50))
def test_no_header_breaks_the_comparison(text: str) -> None:
    matches(text, 7)
