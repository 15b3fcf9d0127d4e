"""The one dependency that knows the caller; only routes that need it pay for it."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer, SecurityScopes
from fastapi.security.utils import get_authorization_scheme_param

from service.errors import Unauthenticated
from service.infra.tokens import SCOPES, Caller, Scope, Tokens

_bearer = OAuth2PasswordBearer(
    tokenUrl="token", scopes={str(scope): meaning for scope, meaning in SCOPES.items()}, auto_error=False
)


def is_editor(request: Request) -> bool:
    """Whether a valid token comes with the request that may change the catalogue."""
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    tokens: Tokens = request.app.state.tokens
    try:
        return scheme.lower() == "bearer" and Scope.CATALOGUE_WRITE in tokens.read(token).scopes
    except Unauthenticated:
        return False


async def authenticate(
    request: Request, needed: SecurityScopes, token: Annotated[str | None, Depends(_bearer)]
) -> Caller:
    """The caller behind the bearer token, holding every scope that the route asks for."""
    if token is None:
        msg = "Send a bearer token: get one from POST /token"
        raise Unauthenticated(msg)
    tokens: Tokens = request.app.state.tokens
    caller = tokens.read(token)
    caller.require(needed.scopes)
    return caller
