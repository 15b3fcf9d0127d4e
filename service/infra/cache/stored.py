"""A finished response as it is kept, and as it is given again."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from fastapi_cache import Coder
from starlette.responses import Response

from observability.metrics.cache import Result
from service.infra.cache.conditions import is_known
from service.infra.cache.policy import Policy

Headers = tuple[tuple[bytes, bytes], ...]

_NOT_MODIFIED = 304
_OUR_OWN = frozenset({b"age", b"cache-control", b"content-length", b"vary", b"x-cache"})
_OF_THE_BODY = frozenset({b"content-length", b"content-type"})
_NOT_TO_STORE = ("no-store", "private", "no-cache")


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """What any process needs to send the answer: status, headers and bytes."""

    status: int
    headers: Headers
    body: bytes
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        """Find the entity tag."""
        object.__setattr__(self, "etag", dict(self.headers)[b"etag"].decode("latin-1"))


class ResponseCoder(Coder):
    """A coder of fastapi-cache2: a line of JSON, and the body as it is."""

    @classmethod
    def encode(cls, value: StoredResponse) -> bytes:
        """The bytes to keep."""
        head = [value.status, [[text.decode("latin-1") for text in header] for header in value.headers]]
        return b"%b\n%b" % (json.dumps(head).encode(), value.body)

    @classmethod
    def decode(cls, value: bytes) -> StoredResponse:
        """The response that `encode` was given."""
        head, _, body = value.partition(b"\n")
        status, headers = json.loads(head)
        return StoredResponse(
            status,
            tuple((name.encode("latin-1"), content.encode("latin-1")) for name, content in headers),
            body,
        )


def storable(response: Response, policy: Policy) -> StoredResponse | None:
    """What to keep of a response, or None when it must not be given to anybody again."""
    headers = dict(response.raw_headers)
    varies = {name.strip().lower() for name in headers.get(b"vary", b"").decode("latin-1").split(",")}
    control = headers.get(b"cache-control", b"").decode("latin-1").lower()
    if (
        not 200 <= response.status_code < 300  # noqa: PLR2004 (success, in HTTP)
        or not isinstance(getattr(response, "body", None), bytes)
        or b"set-cookie" in headers
        or any(directive in control for directive in _NOT_TO_STORE)
        or not varies - {""} <= policy.varies_by
    ):
        return None
    return StoredResponse(response.status_code, _headers(response, policy), bytes(response.body))


def _headers(response: Response, policy: Policy) -> Headers:
    kept = [header for header in response.raw_headers if header[0] not in _OUR_OWN]
    if not any(name == b"etag" for name, _ in kept):
        # Of the bytes alone: every process gives the same answer the same tag.
        kept.append((b"etag", b'"%b"' % sha256(response.body).hexdigest()[:32].encode()))
    kept.append((b"content-length", b"%d" % len(response.body)))
    kept.append((b"cache-control", policy.cache_control.encode()))
    if policy.varies_by:
        kept.append((b"vary", ", ".join(sorted(policy.varies_by)).encode()))
    return tuple(kept)


class StoredAnswer(Response):
    """A response whose headers are ready: nothing is computed but its age."""

    def __init__(  # the base class would build headers again
        self,
        stored: StoredResponse,
        *,
        age: float,
        result: Result,
        if_none_match: str | None = None,
    ) -> None:
        """`age` in seconds; not modified when `if_none_match` names the entity tag."""
        is_known_already = if_none_match is not None and is_known(if_none_match, stored.etag)
        headers: list[tuple[bytes, bytes]] = [
            *stored.headers,
            (b"age", b"%d" % age),
            (b"x-cache", result.upper().encode()),
        ]
        if is_known_already:
            headers = [header for header in headers if header[0] not in _OF_THE_BODY]
        self.status_code = _NOT_MODIFIED if is_known_already else stored.status
        self.body = b"" if is_known_already else stored.body
        self.background = None
        self.raw_headers: list[tuple[Any, Any]] = headers
