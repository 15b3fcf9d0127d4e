"""Stock fastapi-cache2: the look-ups of its `@cache` decorator, measured at the backend.

The decorator logs a failing backend and goes on as after a miss: only the backend can tell the two apart. What the
decorator does not look up, or looks up and does not use, is known to the decorator alone.
"""

import functools
import importlib
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from time import perf_counter
from typing import Any

from observability import context
from observability.clients.caches import CacheRecorder
from observability.metrics.cache import Result
from observability.metrics.recorders import STOCK_CACHE, Recorders

_MEASURED = "_observability_measured"
# Private: a version that has another name for it has look-ups all the same.
_CHOICE = "_uncacheable"

Get = Callable[[Any, str], Awaitable[tuple[int, bytes | None]]]
Set = Callable[..., Awaitable[None]]
Choice = Callable[[Any], bool]

# Whether the decorator computes the value anew whatever the look-up that follows gives.
_is_refused: ContextVar[bool] = ContextVar("observability_cached_value_is_refused", default=False)


def install() -> None:
    """Measure fastapi-cache2, its backend present or to come, if the package is there; again does nothing."""
    try:
        cache = importlib.import_module("fastapi_cache").FastAPICache
        decorator = importlib.import_module("fastapi_cache.decorator")
    except ImportError:
        return
    choice = getattr(decorator, _CHOICE, None)
    if choice is not None and not hasattr(choice, _MEASURED):
        setattr(decorator, _CHOICE, _measuring_choice(choice))
    if cache._backend is not None:  # noqa: SLF001  its getter raises before `init`
        _measure(cache.get_backend())
    if not hasattr(cache.init, _MEASURED):
        cache.init = classmethod(_measuring_init(cache.init.__func__))


def _measuring_choice(stock: Choice) -> Choice:
    @functools.wraps(stock)
    def is_uncacheable(request: Any) -> bool:
        # As the decorator asks, which it does next.
        _is_refused.set(request is not None and request.headers.get("Cache-Control") == "no-cache")
        answer, record = stock(request), context.current()
        if answer and record is not None and record.recorders is not None:
            _recorder(record.recorders).looked_up("bypass")
        return answer

    setattr(is_uncacheable, _MEASURED, True)
    return is_uncacheable


def _measuring_init(stock: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(stock)
    def init(cls: Any, *arguments: Any, **options: Any) -> None:
        stock(cls, *arguments, **options)
        _measure(cls.get_backend())

    setattr(init, _MEASURED, True)
    return init


def _measure(backend: Any) -> None:
    stock = type(backend)
    if not hasattr(stock, _MEASURED):
        added = {
            "get_with_ttl": _measuring_get(stock.get_with_ttl),
            "set": _measuring_set(stock.set),
            "__module__": __name__,
            _MEASURED: True,
        }
        backend.__class__ = type(f"Measured{stock.__name__}", (stock,), added)


def _recorder(recorders: Recorders) -> CacheRecorder:
    return CacheRecorder(STOCK_CACHE, recorders.stock_cache)


def _measuring_get(stock: Get) -> Get:
    @functools.wraps(stock)
    async def get_with_ttl(backend: Any, key: str) -> tuple[int, bytes | None]:
        record = context.current()
        if record is None or record.recorders is None:
            return await stock(backend, key)
        recorder, started_at = _recorder(record.recorders), perf_counter()
        try:
            ttl, value = await stock(backend, key)
        except Exception:
            recorder.looked_up("error", (started_at, perf_counter()))
            raise
        result: Result = "bypass" if _is_refused.get() else "miss" if value is None else "hit"
        recorder.looked_up(result, (started_at, perf_counter()))
        if result != "hit":
            record.open_fills = {**(record.open_fills or {}), key: perf_counter()}
        return ttl, value

    return get_with_ttl


def _measuring_set(stock: Set) -> Set:
    @functools.wraps(stock)
    async def put(backend: Any, key: str, *arguments: Any, **options: Any) -> None:
        record = context.current()
        if record is not None and record.open_fills and key in record.open_fills:
            _recorder(record.recorders).filled(perf_counter() - record.open_fills.pop(key))
        await stock(backend, key, *arguments, **options)

    return put
