"""What a request says about answers that its sender, or we, might have already (RFC 9110, 13.1.2; RFC 9111, 5.2.1)."""

import re
from dataclasses import dataclass

from starlette.types import Scope

_TAG = re.compile(r'(?:W/)?("[^"]*")')


@dataclass(frozen=True, slots=True)
class Conditions:
    """The headers of a request that steer a cache."""

    if_none_match: str | None = None
    cache_control: str = ""

    @property
    def wants_new(self) -> bool:
        return bool(self.cache_control) and "no-cache" in self.directives

    @property
    def wants_nothing_stored(self) -> bool:
        return bool(self.cache_control) and "no-store" in self.directives

    @property
    def directives(self) -> frozenset[str]:
        return frozenset(directive.strip().lower() for directive in self.cache_control.split(","))


_NONE = Conditions()


def conditions(scope: Scope) -> Conditions:
    """What the headers of this request ask for."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            found["if_none_match"] = _joined(found.get("if_none_match"), value)
        elif name == b"cache-control":
            found["cache_control"] = _joined(found.get("cache_control"), value)
    return Conditions(**found) if found else _NONE


def is_known(if_none_match: str, etag: str) -> bool:
    """Whether the header names this entity tag; weak and strong tags compare equal here."""
    if if_none_match.strip() == "*":
        return True
    return etag.removeprefix("W/") in _TAG.findall(if_none_match)


def _joined(before: str | None, value: bytes) -> str:
    text = value.decode("latin-1")
    return text if before is None else f"{before}, {text}"
