"""Keys that cannot collide: every part is percent-encoded, and what separates them is not part of that alphabet."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

# Longer ones would let strangers fill the memory with keys.
MAX_QUERY_LENGTH = 1024
_ABSENT = "+"


def response_key(
    _function: Callable[..., Any],
    namespace: str = "",
    *,
    request: Request | None = None,
    response: Response | None = None,  # noqa: ARG001 (the key builder of fastapi-cache2)
    args: tuple[Any, ...] = (),  # noqa: ARG001
    kwargs: Mapping[str, Any] | None = None,  # noqa: ARG001
) -> str:
    """A key builder of fastapi-cache2: where the request goes, and never what is injected into the endpoint."""
    if request is None:
        msg = "This key builder needs the request"
        raise TypeError(msg)
    return f"{namespace}:{_target(request.scope['path'], request.scope['query_string'])}"


def is_too_long(request: Request) -> bool:
    return len(request.scope["query_string"]) + len(request.scope["path"]) > MAX_QUERY_LENGTH


def with_variants(key: str, values: Iterable[str | None]) -> str:
    """The key of one variant of a response, chosen by these header values."""
    return " ".join((key, *(_ABSENT if value is None else quote(value, safe="") for value in values)))


def with_principal(key: str, principal: str) -> str:
    """The key of what only this principal may see."""
    return f"{key} @{quote(principal, safe='')}"


@lru_cache(maxsize=4096)
def _target(path: str, query: bytes) -> str:
    # As Starlette parses it; values of one name keep their order, which has a meaning.
    pairs = sorted(parse_qsl(query.decode("latin-1"), keep_blank_values=True), key=lambda pair: pair[0])
    return f"{quote(path)}?{urlencode(pairs)}"
