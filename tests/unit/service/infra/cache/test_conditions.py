import pytest

from service.infra.cache.conditions import conditions, is_known


@pytest.mark.parametrize(
    "header", ['"a"', 'W/"a"', '"x", "a"', '"x",W/"a" , "y"', "*", ' "a" ', '"a,b", "a"']
)
def test_a_header_that_names_the_tag_knows_it(header: str) -> None:
    assert is_known(header, '"a"')
    assert is_known(header, 'W/"a"') or header == "*"


@pytest.mark.parametrize("header", ['"b"', "a", "", '"a', '"A"', '"a,b"', 'W/"b"'])
def test_any_other_does_not(header: str) -> None:
    assert not is_known(header, '"a"')


def test_repeated_headers_count_together() -> None:
    found = conditions({"headers": [(b"if-none-match", b'"a"'), (b"if-none-match", b'"b"')]})
    assert found.if_none_match == '"a", "b"'


def test_directives_are_read_without_regard_to_case_and_arguments() -> None:
    found = conditions(
        {"headers": [(b"cache-control", b"max-age=0, No-Cache"), (b"cache-control", b"no-store")]}
    )
    assert found.wants_new
    assert found.wants_nothing_stored
    other = conditions({"headers": [(b"cache-control", b"max-age=0, x-no-cache-y")]})
    assert not other.wants_new
    assert not other.wants_nothing_stored
