"""What can go wrong, in the words of the domain; `service.problems` turns it into HTTP.

ServiceError
├── Invalid              the input contradicts itself or names something impossible
├── Unauthenticated      who is asking is unknown
├── Forbidden            who is asking may not
├── NotFound             the thing does not exist
├── Conflict             the thing's state does not allow it
├── PreconditionFailed   the caller has seen an older version
├── Unsupported          the input is of a kind that nobody reads
├── TooManyRequests      the caller asks too often
└── Unavailable          a dependency cannot answer right now
"""

import re
from collections.abc import Mapping
from typing import ClassVar

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


class ServiceError(Exception):
    """An expected failure with a sentence for the caller."""

    title: ClassVar[str] = "Something went wrong"
    # Where in the request it is to be put right, outside in: `body`, `query`, `path` or `header`, then the field.
    location: ClassVar[tuple[str, ...]] = ()

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})

    @classmethod
    def slug(cls) -> str:
        """The name of the error in its problem `type`: ProductNotFound -> product-not-found."""
        return _WORD_START.sub("-", cls.__name__).lower()


class Invalid(ServiceError):
    title = "Invalid input"


class Unauthenticated(ServiceError):
    """Raised with the challenge of RFC 6750, 3."""

    title = "Not authenticated"
    location = ("header", "Authorization")

    def __init__(self, detail: str, *, challenge: str = "Bearer") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": challenge})


class Forbidden(ServiceError):
    title = "Not allowed"
    location = ("header", "Authorization")


class NotFound(ServiceError):
    title = "Not found"


class Conflict(ServiceError):
    title = "Conflict"


class PreconditionFailed(ServiceError):
    title = "Precondition failed"
    location = ("header", "If-Match")


class Unsupported(ServiceError):
    title = "Unsupported"


class _RetryLater(ServiceError):
    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(retry_after, 1))})


class TooManyRequests(_RetryLater):
    """Raised with the whole seconds after which the next request is welcome."""

    title = "Too many requests"


class Unavailable(_RetryLater):
    """Raised with the whole seconds after which it may work again."""

    title = "Temporarily unavailable"
