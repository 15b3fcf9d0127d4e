"""Outgoing HTTP of httpx clients (httpx and httpx2 alike), traced: a span a call, and headers that let the other side join."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from opentelemetry.trace import SpanKind

from observability import context, header_conventions, span_conventions
from observability.errors import AlreadyInstrumented, kind_of, refuse_repeated
from observability.tracing.buffer import Facts, open_span
from observability.tracing.propagation import outgoing_headers

_TRACED = "_observability_traced"
_CLIENT_ERROR = 400

Send = Callable[..., Awaitable[Any]]


def http_clients(http: Any) -> Collection[Any]:
    """The clients given: none, one, or several by name.

    Raises:
        TypeError: One is not asynchronous, or no client at all.
        AlreadyInstrumented: One is traced already, or there twice.
    """
    if http is None:
        return ()
    clients: Collection[Any] = http.values() if isinstance(http, Mapping) else (http,)
    refuse_repeated(clients)
    for client in clients:
        _check(client)
    return clients


def _check(client: Any) -> None:
    if not inspect.iscoroutinefunction(getattr(type(client), "send", None)):
        msg = f"{kind_of(client)} is no asynchronous client of httpx."
        raise TypeError(msg)
    if hasattr(type(client), _TRACED):
        msg = f"{client!r} is traced already."
        raise AlreadyInstrumented(msg)


def trace_http(client: Any, *, is_foreign: bool = False) -> None:
    """Trace what this asynchronous client sends from now on.

    Args:
        client: Of httpx or httpx2.
        is_foreign: Whether it calls strangers: they are told no baggage, and of their addresses, which may hold secrets of
            theirs, only the server is shown.

    Raises:
        TypeError: The client is not asynchronous, or none at all.
        AlreadyInstrumented: The client is traced already.
    """
    _check(client)
    stock = type(client)
    added = {"send": _tracing_send(stock.send, is_foreign=is_foreign), "__module__": __name__, _TRACED: True}
    client.__class__ = type(f"Traced{stock.__name__}", (stock,), added)


class _Call:
    """One call: redirects are part of it."""

    __slots__ = ("is_foreign", "request", "status")

    def __init__(self, request: Any, *, is_foreign: bool) -> None:
        self.request = request
        self.is_foreign = is_foreign
        self.status = 0


def _tracing_send(stock: Send, *, is_foreign: bool) -> Send:
    @functools.wraps(stock)
    async def send(client: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        call = _Call(request, is_foreign=is_foreign)
        with open_span(context.current(), _describe, call) as span:
            for name, value in outgoing_headers().items():
                if not is_foreign or name == header_conventions.TRACEPARENT:
                    request.headers.setdefault(name, value)
            response = await stock(client, request, *arguments, **options)
            call.status = response.status_code
            if call.status >= _CLIENT_ERROR:
                span.error_type = str(call.status)
        return response

    return send


def _describe(call: _Call) -> Facts:
    request, url = call.request, call.request.url
    attributes: dict[str, str | int] = {
        span_conventions.METHOD: request.method,
        span_conventions.SERVER: url.host,
        span_conventions.PORT: url.port or {"http": 80, "https": 443}.get(url.scheme, 0),
    }
    if not call.is_foreign:
        # Credentials, query and fragment are not anybody's business.
        attributes[span_conventions.URL] = str(url.copy_with(userinfo=b"", query=None, fragment=None))
    if call.status:
        attributes[span_conventions.STATUS] = call.status
    return Facts(request.method, SpanKind.CLIENT, attributes)
