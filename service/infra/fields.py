"""Types of request fields that several features share."""

from typing import Annotated

from pydantic import Field, StringConstraints

MAX_BIGINT = 2**63 - 1

Identifier = Annotated[int, Field(ge=1, le=MAX_BIGINT)]


def text(max_length: int) -> StringConstraints:
    """Trimmed, not empty, and without the NUL character, which PostgreSQL cannot store."""
    return StringConstraints(
        strip_whitespace=True, min_length=1, max_length=max_length, pattern=r"^[^\x00]*$"
    )
