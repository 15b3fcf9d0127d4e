"""The routes of an application as a request's scope will show them."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import fastapi.routing

_PARAMETER = re.compile(r"\{[^}]*\}")
_OK = 200

# FastAPI >= 0.137 includes routers lazily and yields their routes, prefixes and all, here.
_flattened: Callable[[Iterable[Any]], Iterable[Any]] = getattr(fastapi.routing, "iter_route_contexts", iter)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One route: what identifies it in a scope, and its template.

    Attributes:
        identities: Objects of which a request's scope shows one: the route, its effective context, its endpoint.
        template: Path with placeholders, with the prefixes of routers and mounts.
        methods: The methods it answers; empty for WebSockets and opaque mounts.
        status: The status code of its ordinary response.
    """

    identities: tuple[object, ...] = field(repr=False)
    template: str
    methods: frozenset[str] = frozenset()
    status: int = _OK

    def fits(self, path: str) -> bool:
        """Whether the path could be of this template."""
        literals = (re.escape(literal) for literal in _PARAMETER.split(self.template))
        return re.fullmatch(".*".join(literals), path) is not None


def leaves(routes: Iterable[Any], prefix: str = "") -> Iterator[Leaf]:
    """Every leaf below these routes, mounted applications included."""
    for route in _flattened(routes):
        context = getattr(route, "_route_context", None)
        original = getattr(route, "original_route", route)
        path = getattr(route, "path_format", None)
        inner = getattr(original, "app", None)
        if getattr(original, "endpoint", None) is not None:
            yield _endpoint(route, (context, original, original.endpoint), prefix + (path or ""))
        elif inner is not None:
            yield from _container(route, inner, prefix + (path or "").removesuffix("/{path}"))


def _endpoint(route: Any, identities: tuple[object, ...], template: str) -> Leaf:
    return Leaf(
        identities=tuple(identity for identity in identities if identity is not None),
        template=template,
        methods=frozenset(getattr(route, "methods", None) or ()),
        status=getattr(route, "status_code", None) or _OK,
    )


def _container(route: Any, app: Any, prefix: str) -> Iterator[Leaf]:
    routes = _routes_within(app)
    if routes is None:
        yield Leaf((app,), f"{prefix}/{{path}}")
        return
    yield from leaves(_routes_within(route) or routes, prefix)


def _routes_within(app: Any) -> list[Any] | None:
    """The routes of an application, through the middleware around it."""
    while app is not None:
        routes = getattr(app, "routes", None)
        if routes:
            return list(routes)
        app = getattr(app, "app", None)
    return None
