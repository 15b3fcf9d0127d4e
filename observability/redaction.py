"""What must not be seen in logs and traces, known by its name or its form."""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"

_SECRET_NAME = re.compile(
    r"passw|passphrase|pwd|secret|token|authorization|cookie|api.?key|credential|private.?key|signature|session|jwt",
    re.IGNORECASE,
)
# Credentials in an address, those of the `Authorization` header wherever they are quoted, and the parameters that
# SQLAlchemy adds to its errors.
_IN_TEXT = re.compile(
    r"(?<=://)(?:[^/\s:@]*:[^/\s@]+|[^/?#\s:@]+)(?=@)"
    r"|(?<=\bBearer )[\w.~+/=-]+|(?<=\bBasic )[\w+/=]+"
    r"|(?<=\[parameters: ).+?(?=\]?$)",
    re.IGNORECASE | re.MULTILINE,
)
# Parameters in an address, attributes in a representation. Bounded: a name may begin at any letter.
_NAMED_IN_TEXT = re.compile(
    r"""(?<=[?&#])([^\s?&#="'<>]{1,64})=[^\s&#"'<>]+|\b(\w{1,64})=(?:'[^'\n]*'|"[^"\n]*")"""
)
# Deeper than this nobody reads it.
_DEPTH = 6
_TOO_DEEP = "[...]"


def redacted(name: str, value: Any, depth: int = 0) -> Any:
    """The value that goes by this name, without secrets and as JSON knows it."""
    if isinstance(value, bool | int | float | None):
        return value
    if _SECRET_NAME.search(name):
        return REDACTED
    if isinstance(value, Mapping | list | tuple):
        return _redacted_each(value, depth + 1) if depth < _DEPTH else _TOO_DEEP
    return redacted_text(_text(value))


def redacted_text(text: str) -> str:
    """A text without the secrets that are known by their form."""
    return _NAMED_IN_TEXT.sub(_redacted_match, _IN_TEXT.sub(REDACTED, text))


def redacted_query(query: str) -> str:
    """A query string whose secrets are gone, otherwise as it was."""
    return "&".join(map(_redacted_parameter, query.split("&")))


def _redacted_each(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...], depth: int) -> Any:
    if isinstance(value, Mapping):
        named = ((_text(key), each) for key, each in value.items())
        return {name: redacted(name, each, depth) for name, each in named}
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str | bytes):  # noqa: PLR2004 (a header)
        name = _text(value[0])
        return [redacted_text(name), redacted(name, value[1], depth)]
    return [redacted("", each, depth) for each in value]


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray):
        return value.decode(errors="replace")
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  others' code, and what it is called for is only a line of the log
        return object.__repr__(value)


def _redacted_match(match: re.Match[str]) -> str:
    name = match[1] or match[2]
    return f"{name}={REDACTED}" if _SECRET_NAME.search(name) else match[0]


def _redacted_parameter(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}={REDACTED}" if equals and _SECRET_NAME.search(name) else parameter
