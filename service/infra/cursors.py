"""Opaque cursors for keyset pagination."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from pydantic import AfterValidator, Field

from service.infra.fields import MAX_IDENTIFIER

_PREFIX = b"after:"


def encode(last_id: int) -> str:
    """The cursor of the page that follows the row with this id."""
    return urlsafe_b64encode(_PREFIX + str(last_id).encode()).decode().rstrip("=")


def decode(cursor: str) -> int:
    """The id after which the page begins.

    Raises:
        ValueError: The cursor is not one that `encode` made.
    """
    try:
        decoded = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        last_id = int(decoded.removeprefix(_PREFIX))
    except ValueError:
        last_id = -1
    if not 0 <= last_id <= MAX_IDENTIFIER or encode(last_id) != cursor:
        msg = "use the next_cursor of the page before"
        raise ValueError(msg)
    return last_id


def _checked(cursor: str) -> str:
    decode(cursor)
    return cursor


Cursor = Annotated[
    str,
    AfterValidator(_checked),
    Field(max_length=64, description="`next_cursor` of the page before", examples=["YWZ0ZXI6NTA"]),
]
PageSize = Annotated[int, Field(ge=1, le=100, description="How many at the most")]
