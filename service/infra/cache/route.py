"""Cached endpoints: a decorator that says how, and a route that does it.

    router = APIRouter(route_class=CachedRoute)

    @router.get("/products")
    @cached(name="products", expire=60)
    async def list_products() -> ProductPage: ...

On a miss FastAPI does what it always does, and what it would have sent is stored. On a hit the stored bytes are sent.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack
from contextvars import ContextVar
from functools import wraps
from hashlib import sha256
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar, cast

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from pydantic import TypeAdapter
from starlette.types import Message

from service.errors import ServiceError
from service.infra.cache.cache import ResponseCache, Turn
from service.infra.cache.entries import Miss
from service.infra.cache.policy import Policy
from service.infra.cache.visit import Place, Visit

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_POLICY = "__cache_policy__"
_FORMAT = 1  # of what is stored
_STACKS = ("fastapi_inner_astack", "fastapi_function_astack", "fastapi_middleware_astack")
_visit: ContextVar[Visit | None] = ContextVar("cache_visit", default=None)


class MisconfiguredCache(TypeError):
    """A cached endpoint that cannot work as it is declared; the message says what to change."""


class Decorator:
    """Makes an endpoint one whose answers are cached."""

    def __init__(self, policy: Policy) -> None:
        """Answers are promised what the policy says."""
        self._policy = policy

    def __call__(self, endpoint: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        """The endpoint with the same parameters and the same return annotation."""
        if not iscoroutinefunction(endpoint):
            msg = f"{endpoint.__qualname__} is cached: make it `async def`"
            raise MisconfiguredCache(msg)

        @wraps(endpoint)
        async def behind_cache(*args: P.args, **kwargs: P.kwargs) -> R:
            visit = _visit.get()
            if visit is None:
                msg = f"{endpoint.__qualname__} is cached: its router needs `route_class=CachedRoute`"
                raise MisconfiguredCache(msg)
            if not visit.is_decided:
                answer = await visit.look_up(kwargs)
                if answer is not None:
                    return cast("R", answer)  # FastAPI sends a response as it is
            result = await endpoint(*args, **kwargs)
            visit.depends_on(self._policy.tags(kwargs, result))
            return result

        setattr(behind_cache, _POLICY, self._policy)
        return behind_cache


def _promising(policy: Callable[P, Policy]) -> Callable[P, Decorator]:
    def cached(*args: P.args, **kwargs: P.kwargs) -> Decorator:
        return Decorator(policy(*args, **kwargs))

    return cached


# Takes what `Policy` takes.
cached = _promising(Policy)


def policy_of(endpoint: object) -> Policy | None:
    """What a cached endpoint promises; None of another."""
    return getattr(endpoint, _POLICY, None)


def cached_names(routers: Iterable[APIRouter]) -> Iterator[str]:
    """The names of the caches behind the routes of these routers."""
    endpoints = (getattr(route, "endpoint", None) for router in routers for route in router.routes)
    return (policy.name for policy in map(policy_of, endpoints) if policy is not None)


class CachedRoute(APIRoute):
    """A route that caches its endpoint if that is `cached`; needs the `ResponseCache` as `app.state.cache`."""

    def get_route_handler(self) -> Handler:
        """FastAPI's handler, with the cache around it."""
        handler = super().get_route_handler()
        policy = policy_of(self.endpoint)
        if policy is None:
            return handler
        _check(self, policy)
        return _CachedHandler(Place(policy, self.endpoint, _namespace(self, policy)), handler).handle


class _CachedHandler:
    def __init__(self, place: Place, handler: Handler) -> None:
        self._place = place
        self._handler = handler

    async def handle(self, request: Request) -> Response:
        cache: ResponseCache = request.app.state.cache
        visit = Visit(cache, self._place, request, self._refresh)
        if self._place.policy.before_dependencies:
            answer = await visit.look_up({})
            if answer is not None:
                return answer
        try:
            return await self._compute(visit, request)
        except BaseException as error:
            answer = await visit.fail(error)
            if answer is None:
                raise
            return answer

    async def _compute(self, visit: Visit, request: Request) -> Response:
        token = _visit.set(visit)
        try:
            response = await self._handler(request)
        finally:
            _visit.reset(token)
        return await visit.complete(response)

    async def _refresh(self, request: Request, miss: Miss) -> None:
        """The same request once more, with nobody waiting for it."""
        cache: ResponseCache = request.app.state.cache
        try:
            async with AsyncExitStack() as stack:
                again = Request({**request.scope, **dict.fromkeys(_STACKS, stack)}, _receive_nothing)
                await self._compute(Visit(cache, self._place, again, self._refresh, Turn(miss)), again)
        except Exception as error:
            # The lease stays until it ends by itself: until then nobody tries again.
            is_expected = isinstance(error, ServiceError)
            log.warning(
                "cache_refresh_failed",
                cache=self._place.policy.name,
                reason=repr(error),
                exc_info=not is_expected,
            )


async def _receive_nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _check(route: APIRoute, policy: Policy) -> None:
    if route.methods != {"GET"}:
        msg = f"{policy.name}: only GET is cached, but {route.path} has other methods"
        raise MisconfiguredCache(msg)
    if policy.scope == "public" and _authenticates(route.dependant):
        msg = f"{policy.name}: {route.path} asks who is there, so its answers are not public: use scope='private'"
        raise MisconfiguredCache(msg)


def _authenticates(dependant: Dependant) -> bool:
    call: object = dependant.call
    return isinstance(call, SecurityBase) or any(map(_authenticates, dependant.dependencies))


def _namespace(route: APIRoute, policy: Policy) -> str:
    """Another one whenever answers may look different: an old process never meets the answers of a new one."""
    schema = (
        TypeAdapter(route.response_model).json_schema(mode="serialization") if route.response_model else None
    )
    form = (_FORMAT, route.path_format, schema, policy.cache_control, policy.grace, policy.vary)
    return f"{policy.name}:{sha256(repr(form).encode()).hexdigest()[:12]}"
