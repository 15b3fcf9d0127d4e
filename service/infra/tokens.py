"""Short-lived bearer tokens: JWT with a fixed algorithm, issuer and audience."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import jwt

from service.errors import Forbidden, Unauthenticated

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "glasshouse"
CLOCK_SKEW = timedelta(seconds=10)


class Scope(StrEnum):
    """What a caller may do beyond reading."""

    CATALOGUE_WRITE = "catalogue:write"
    STOCK_WRITE = "stock:write"
    WEBHOOKS_MANAGE = "webhooks:manage"


SCOPES = {
    Scope.CATALOGUE_WRITE: "Create, change and delete products",
    Scope.STOCK_WRITE: "Create stock items and adjust their quantity",
    Scope.WEBHOOKS_MANAGE: "Manage webhook subscriptions",
}


class InvalidToken(Unauthenticated):
    title = "Invalid token"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, challenge='Bearer error="invalid_token"')


class AccountGone(InvalidToken):
    title = "Account is gone"

    def __init__(self) -> None:
        super().__init__("The account of this token no longer exists")


class MissingScope(Forbidden):
    title = "Missing scope"

    def __init__(self, missing: Iterable[str]) -> None:
        challenge = f'Bearer error="insufficient_scope", scope="{" ".join(missing)}"'
        super().__init__(
            f"This needs the scope {' and '.join(missing)}", headers={"WWW-Authenticate": challenge}
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, as the token says."""

    user_id: int
    scopes: frozenset[str]

    def require(self, needed: Iterable[str]) -> None:
        """Raise MissingScope unless the caller holds every needed scope."""
        missing = sorted(set(needed) - self.scopes)
        if missing:
            raise MissingScope(missing)


class Tokens:
    """Issues and reads the tokens of this service."""

    def __init__(self, secret: str, *, lifetime: float, previous_secret: str | None = None) -> None:
        """Issue with `secret`, for `lifetime` seconds; what was issued with the previous secret is good, too."""
        self._secret = secret
        self._secrets = [secret] if previous_secret is None else [secret, previous_secret]
        self.lifetime = timedelta(seconds=lifetime)

    def issue(self, user_id: int, scopes: Iterable[str]) -> str:
        now = datetime.now(UTC)
        claims = {
            "sub": str(user_id),
            "scope": " ".join(scopes),
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + self.lifetime,
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def read(self, token: str) -> Caller:
        """Who the token speaks for.

        Raises:
            InvalidToken: It is expired, forged, or not meant for this service.
        """
        try:
            claims = self._claims(token)
            return Caller(int(claims["sub"]), frozenset(claims.get("scope", "").split()))
        except jwt.ExpiredSignatureError as error:
            msg = "The token has expired: get a new one from POST /token"
            raise InvalidToken(msg) from error
        except (jwt.InvalidTokenError, ValueError) as error:
            msg = "The token is not one of ours"
            raise InvalidToken(msg) from error

    def _claims(self, token: str) -> dict[str, Any]:
        *others, last = self._secrets
        for secret in others:
            with suppress(jwt.InvalidSignatureError):
                return _decoded(token, secret)
        return _decoded(token, last)


def _decoded(token: str, secret: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token,
        secret,
        algorithms=[ALGORITHM],
        audience=AUDIENCE,
        issuer=ISSUER,
        leeway=CLOCK_SKEW,
        options={"require": ["exp", "sub", "iss", "aud"]},
    )
    return claims
