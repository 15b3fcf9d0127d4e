from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Form, Request, Response, Security

from service.infra.after_response import after_response
from service.infra.authentication import authenticate
from service.infra.cache.route import CachedRoute, cached
from service.infra.rate_limits import RateLimit, neighbourhood, spending
from service.infra.tokens import Caller
from service.problems import documented
from service.users.schemas import Profile, Registration, Token, TokenRequest
from service.users.service import UserService

router = APIRouter(tags=["users"], route_class=CachedRoute)


async def user_service(request: Request) -> UserService:
    service: UserService = request.app.state.users
    return service


Users = Annotated[UserService, Depends(user_service)]


@router.post(
    "/register", status_code=201, summary="Create an account", responses=documented(409, 422, 429, 503)
)
async def register(users: Users, registration: Registration, request: Request, response: Response) -> Profile:
    """Creates an account without scopes; a welcome e-mail follows."""
    limit: RateLimit = request.app.state.register_limit
    async with spending(response.headers, (limit, _sender(request))):
        return await users.register(registration)


@router.post("/token", summary="Get a bearer token", responses=documented(401, 422, 429, 503))
async def get_token(
    users: Users,
    credentials: Annotated[TokenRequest, Form()],
    request: Request,
    response: Response,
    tasks: BackgroundTasks,
) -> Token:
    """Exchanges e-mail and password for a short-lived token; as slow for unknown e-mails as for known ones."""
    sender = _sender(request)
    of_all: RateLimit = request.app.state.token_address_limit
    of_one: RateLimit = request.app.state.token_limit
    response.headers["Cache-Control"] = "no-store"
    async with spending(response.headers, (of_all, sender), (of_one, f"{sender} {credentials.username}")):
        token = await users.token(credentials)
    after_response(tasks, users.mark_seen, credentials.username)
    return token


@router.get("/me", summary="Who am I", responses=documented(401, 503))
@cached(
    name="profile",
    expire=60,
    scope="private",
    principal=lambda arguments: str(arguments["caller"].user_id),
    tags=lambda arguments, _profile: [f"profile:{arguments['caller'].user_id}"],
)
async def get_profile(users: Users, caller: Annotated[Caller, Security(authenticate)]) -> Profile:
    """The caller's own account."""
    return await users.profile(caller)


def _sender(request: Request) -> str:
    return neighbourhood(request.client.host) if request.client else "unknown"
