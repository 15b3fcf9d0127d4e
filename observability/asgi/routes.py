"""From a request's scope to what records its route, without matching the path again."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from observability import context
from observability.asgi.leaves import Leaf, leaves
from observability.context import RequestRecord
from observability.conventions import SHED, UNMATCHED
from observability.metrics.http import HttpMetrics, RouteMetrics

# Routes that appear after the start; an application that makes routes without end stops being told apart.
_LATECOMERS = 1_000


class RouteTable:
    """Knows the routes of one application by the objects that routers leave in a scope."""

    def __init__(self, app: Any, metrics: HttpMetrics, *, sheds_load: bool = False) -> None:
        """Routes are read from `app.routes` by `prepare`, and again when an unknown one turns up.

        With `sheds_load`, the series of refused requests exist from the start, too.
        """
        self.app = app
        self._metrics = metrics
        self._sheds_load = sheds_load
        self._known: dict[int, list[Leaf]] = {}
        self._of_endpoint: dict[int, RouteMetrics] = {}
        self._late: list[Leaf] = []
        self.is_prepared = False
        self.unmatched = metrics.route(UNMATCHED)

    def prepare(self) -> None:
        """Read the routes and let their series exist."""
        self.is_prepared = True
        self._known, self._of_endpoint = {}, {}
        self.unmatched.expect((), 0)
        for leaf in [*leaves(self.app.routes), *self._late]:
            self._learn(leaf)
            if leaf.methods:
                self._metrics.route(leaf.template).expect(leaf.methods, leaf.status)
        if self._sheds_load:
            methods = {method for found in self._known.values() for leaf in found for method in leaf.methods}
            self._metrics.route(SHED).expect_refusals(sorted(methods))

    def find(self, scope: context.Scope) -> RouteMetrics:
        """What records the route that the routers chose for this scope."""
        return self._of_endpoint.get(id(scope.get("endpoint"))) or self._search(scope)

    def _search(self, scope: context.Scope) -> RouteMetrics:
        chosen = _chosen(scope)
        if chosen is None:
            return self._without_endpoint(scope)
        found = self._known.get(id(chosen)) or self._meet(chosen, scope)
        metrics = self._metrics.route(_fitting(found, scope).template)
        endpoint = id(scope["endpoint"])
        # Most endpoints serve one route: it need not be searched for again.
        if len(self._known.get(endpoint, ())) == 1:
            self._of_endpoint[endpoint] = metrics
        return metrics

    def _learn(self, leaf: Leaf) -> None:
        for identity in leaf.identities:
            self._known.setdefault(id(identity), []).append(leaf)

    def _meet(self, chosen: object, scope: context.Scope) -> list[Leaf]:
        """Learn a route that was added after the start, or hides in an application that shows no routes."""
        if len(self._late) >= _LATECOMERS:
            return [Leaf((), UNMATCHED)]
        self.prepare()
        if id(chosen) not in self._known:
            self._late.append(Leaf((chosen,), _template(chosen, scope)))
            self._learn(self._late[-1])
        return self._known[id(chosen)]

    def _without_endpoint(self, scope: context.Scope) -> RouteMetrics:
        """No router chose one; FastAPI's frontends leave only the path below them."""
        below = scope.get("fastapi", {}).get("frontend_path")
        if below is None:
            record = context.current()
            return self._metrics.route(SHED) if record is not None and record.is_shed else self.unmatched
        above = _path(scope).removesuffix(below).rstrip("/")
        return self._metrics.route(f"{above}/{{path}}")


def watch_router(router: Router, look: Callable[[RequestRecord], None] | None = None) -> None:
    """Let records know the scope that this router gets: middleware may have handed a copy on; and `look` at them there."""
    stock = router.middleware_stack

    def watched(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        record = context.current()
        if record is not None:
            record.scope = scope
            if look is not None:
                look(record)
        return stock(scope, receive, send)

    router.middleware_stack = watched  # type: ignore[assignment] # any ASGI application does


def _chosen(scope: context.Scope) -> object:
    """The most telling object of the route in the scope, or None.

    `route` and the effective context of an included router may be left over from a router further out,
    so they count only when they lead to the endpoint.
    """
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return None
    # Semi-private: it tells two inclusions of one route apart.
    effective = scope.get("fastapi", {}).get("effective_route_context")
    if effective is not None and getattr(effective.original_route, "endpoint", None) is endpoint:
        return effective
    route = scope.get("route")
    return route if getattr(route, "endpoint", None) is endpoint else endpoint


def _fitting(found: list[Leaf], scope: context.Scope) -> Leaf:
    if len(found) == 1:
        return found[0]
    path = _path(scope)
    return next((leaf for leaf in found if leaf.fits(path)), found[0])


def _path(scope: context.Scope) -> str:
    """The path below the proxy's root path, mounts included."""
    root = scope.get("app_root_path", scope.get("root_path", ""))
    path: str = scope["path"]
    return path.removeprefix(root)


def _template(chosen: object, scope: context.Scope) -> str:
    path = getattr(chosen, "path_format", None)
    if path is None:
        return UNMATCHED
    mounts = scope.get("root_path", "").removeprefix(scope.get("app_root_path", scope.get("root_path", "")))
    return f"{mounts}{path}"
