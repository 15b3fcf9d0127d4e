"""What must not be seen in logs and traces, known by its name or its form."""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"

_SECRET_NAME = re.compile(
    r"passw|secret|token|authorization|cookie|api.?key|credential|private.?key|signature|session",
    re.IGNORECASE,
)
# Credentials in an address, and those of the `Authorization` header wherever they are quoted.
_IN_TEXT = re.compile(
    r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)|(?<=\bBearer )[\w.~+/=-]+|(?<=\bBasic )[\w+/=]+", re.IGNORECASE
)
# Deeper than this nobody reads it.
_DEPTH = 6


def redacted(name: str, value: Any, depth: int = 0) -> Any:
    """The value that goes by this name, without secrets."""
    if _SECRET_NAME.search(name) and not isinstance(value, bool | int | float | None):
        return REDACTED
    if isinstance(value, str):
        return _IN_TEXT.sub(REDACTED, value)
    if depth >= _DEPTH or isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {key: redacted(str(key), each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redacted("", each, depth + 1) for each in value]
    return value


def redacted_query(query: str) -> str:
    """A query string whose secrets are gone, otherwise as it was."""
    return "&".join(map(_redacted_parameter, query.split("&")))


def _redacted_parameter(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}={REDACTED}" if equals and _SECRET_NAME.search(name) else parameter
