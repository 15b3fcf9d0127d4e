from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from service.infra.fields import MAX_IDENTIFIER, Identifier, json_integer, text

SHORT = TypeAdapter[str](Annotated[str, text(3)])
IDENTIFIER = TypeAdapter[int](Identifier)
IN_JSON = TypeAdapter[int](Annotated[Identifier, json_integer])


def test_text_is_trimmed_before_it_is_measured() -> None:
    assert SHORT.validate_python("  abc\n") == "abc"


@pytest.mark.parametrize("wrong", ["", "  ", "abcd", "a\0b", "\0", 1, None, b"abc\xff", "\ud800"])
def test_text_that_cannot_be_stored_or_shown_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        SHORT.validate_python(wrong)


@pytest.mark.parametrize("right", [1, "2", MAX_IDENTIFIER, str(MAX_IDENTIFIER - 1)])
def test_an_identifier_counts_from_one_to_what_json_can_carry(right: Any) -> None:
    assert IDENTIFIER.validate_python(right) == int(right)


@pytest.mark.parametrize("wrong", [0, -1, MAX_IDENTIFIER + 1, "", "one", "1.5", 2.5, "9" * 5000, None])
def test_what_is_no_identifier_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        IDENTIFIER.validate_python(wrong)


def test_integers_of_json_may_be_written_with_a_point() -> None:
    assert IN_JSON.validate_json("7.0") == IN_JSON.validate_json("7") == 7


@pytest.mark.parametrize("wrong", ["true", '"7"', "7.5", "null", "[7]"])
def test_nothing_else_of_json_is_taken_for_an_integer(wrong: str) -> None:
    with pytest.raises(ValidationError) as caught:
        IN_JSON.validate_json(wrong)
    assert caught.value.error_count() == 1
