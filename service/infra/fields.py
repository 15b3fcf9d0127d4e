"""Types of request fields that several features share."""

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

# The largest integer that every reader of JSON takes for itself (RFC 8259, 6).
MAX_IDENTIFIER = 2**53 - 1


def _is_number(value: object) -> object:
    """Python takes `true` for 1, and pydantic "1" too; JSON Schema takes neither."""
    if isinstance(value, bool | str):
        kind, message = "int_type", "Input should be a valid integer"
        raise PydanticCustomError(kind, message)
    return value


# For integers in JSON bodies: in queries and paths everything is text. Put it last, or bounds are not documented.
json_integer = BeforeValidator(_is_number)
Identifier = Annotated[int, Field(ge=1, le=MAX_IDENTIFIER, examples=[1])]


def text(max_length: int) -> StringConstraints:
    """Trimmed, not empty, and without the NUL character, which PostgreSQL cannot store."""
    return StringConstraints(
        strip_whitespace=True, min_length=1, max_length=max_length, pattern=r"^[^\x00]*$"
    )
