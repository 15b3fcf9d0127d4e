"""The one dependency that knows the caller; only routes that need it pay for it."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer, SecurityScopes

from service.errors import Unauthenticated
from service.infra.tokens import SCOPES, Caller, Tokens

_bearer = OAuth2PasswordBearer(
    tokenUrl="token", scopes={str(scope): meaning for scope, meaning in SCOPES.items()}, auto_error=False
)


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
