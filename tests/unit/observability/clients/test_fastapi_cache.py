"""What stock fastapi-cache2 counts as."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi_cache import FastAPICache, decorator
from fastapi_cache.backends.inmemory import InMemoryBackend
from fastapi_cache.decorator import cache

from observability.clients import fastapi_cache
from observability.metrics.registry import Registry
from observability.setup import Telemetry, instrument
from observability.testing import recorded, series
from tests.unit.observability.server import request


class Memory(InMemoryBackend):
    """A cache of the test's own."""

    def __init__(self) -> None:
        self._store = {}
        self.is_down = False

    async def get_with_ttl(self, key: str) -> tuple[int, bytes | None]:
        if self.is_down:
            raise ConnectionError
        return await super().get_with_ttl(key)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    FastAPICache.reset()
    yield
    FastAPICache.reset()


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()

    @app.get("/products/{product_id}")
    @cache(expire=60)
    async def read(product_id: int) -> dict[str, int]:
        return {"id": product_id}

    @app.get("/broken")
    @cache(expire=60)
    async def fail() -> None:
        raise ZeroDivisionError

    return app


@pytest.fixture
def telemetry(app: FastAPI) -> Telemetry:
    return instrument(app, service_name="shop")


async def seven() -> int:
    return 7


def lookups(registry: Registry) -> dict[str, float]:
    found = series(registry, "cache_requests_total", cache="fastapi-cache2")
    return {dict(labels)["result"]: value for labels, value in found.items() if value}


async def test_hits_and_misses_of_the_stock_decorator_are_counted(app: FastAPI, telemetry: Telemetry) -> None:
    FastAPICache.init(Memory())
    for path in ("/products/1", "/products/1", "/products/2"):
        assert (await request(app, path)).status == 200
    assert lookups(telemetry.registry) == {"miss": 2, "hit": 1}


async def test_a_failing_backend_is_an_error_and_no_miss(app: FastAPI, telemetry: Telemetry) -> None:
    backend = Memory()
    FastAPICache.init(backend)
    backend.is_down = True
    assert (await request(app, "/products/1")).status == 200
    assert lookups(telemetry.registry) == {"error": 1}


async def test_computing_a_missing_value_is_measured(app: FastAPI, telemetry: Telemetry) -> None:
    FastAPICache.init(Memory())
    await request(app, "/products/1")
    await request(app, "/products/1")
    await request(app, "/broken")
    assert recorded(telemetry.registry, "cache_fill_duration_seconds_count", cache="fastapi-cache2") == 1


@pytest.fixture
async def warm(app: FastAPI, telemetry: Telemetry) -> Telemetry:
    """Telemetry of an application that has a product in its cache."""
    FastAPICache.init(Memory())
    await request(app, "/products/1")
    assert lookups(telemetry.registry) == {"miss": 1}
    return telemetry


async def test_a_cached_value_that_a_client_refuses_is_bypassed_and_filled(
    app: FastAPI, warm: Telemetry
) -> None:
    reply = await request(app, "/products/1", headers=[(b"cache-control", b"no-cache")])
    assert reply.header("X-FastAPI-Cache") == "MISS"
    assert lookups(warm.registry) == {"miss": 1, "bypass": 1}
    assert recorded(warm.registry, "cache_fill_duration_seconds_count", cache="fastapi-cache2") == 2
    await request(app, "/products/1")
    assert lookups(warm.registry) == {"miss": 1, "bypass": 1, "hit": 1}


async def test_a_request_that_is_not_looked_up_is_a_bypass(app: FastAPI, warm: Telemetry) -> None:
    await request(app, "/products/1", headers=[(b"cache-control", b"no-store")])
    assert lookups(warm.registry) == {"miss": 1, "bypass": 1}
    assert recorded(warm.registry, "cache_fill_duration_seconds_count", cache="fastapi-cache2") == 1


async def test_a_function_within_a_request_knows_nothing_of_what_its_client_refuses(
    app: FastAPI, warm: Telemetry
) -> None:
    price = cache(expire=60)(seven)

    @app.get("/prices")
    @cache(expire=60)
    async def prices() -> Any:
        return await price()

    for _ in range(2):
        await request(app, "/prices", headers=[(b"cache-control", b"no-cache")])
    assert lookups(warm.registry) == {"miss": 2, "bypass": 2, "hit": 1}


async def test_a_version_without_the_decorators_choice_is_measured_too(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(decorator, "_uncacheable")
    FastAPICache.init(Memory())
    telemetry = instrument(app, service_name="shop")

    @app.get("/looked-up")
    async def look_up() -> None:
        await FastAPICache.get_backend().get_with_ttl("key")

    await request(app, "/looked-up")
    assert lookups(telemetry.registry) == {"miss": 1}


async def test_a_value_stored_without_a_miss_is_no_fill(app: FastAPI, telemetry: Telemetry) -> None:
    FastAPICache.init(Memory())

    @app.get("/warm")
    async def warm() -> None:
        await FastAPICache.get_backend().set("key", b"value", 60)

    await request(app, "/warm")
    assert recorded(telemetry.registry, "cache_fill_duration_seconds_count", cache="fastapi-cache2") == 0


async def test_a_cache_that_was_there_before_is_measured(app: FastAPI) -> None:
    FastAPICache.init(Memory())
    telemetry = instrument(app, service_name="shop")
    await request(app, "/products/1")
    assert lookups(telemetry.registry) == {"miss": 1}


async def test_measuring_twice_counts_once(app: FastAPI, telemetry: Telemetry) -> None:
    FastAPICache.init(Memory())
    instrument(FastAPI(), service_name="other")
    await request(app, "/products/1")
    assert lookups(telemetry.registry) == {"miss": 1}


def test_installing_twice_changes_nothing() -> None:
    fastapi_cache.install()
    once = vars(FastAPICache)["init"], vars(decorator)["_uncacheable"]
    fastapi_cache.install()
    assert (vars(FastAPICache)["init"], vars(decorator)["_uncacheable"]) == once


async def test_the_backend_is_still_what_it_was(telemetry: Telemetry) -> None:
    FastAPICache.init(Memory())
    assert isinstance(FastAPICache.get_backend(), Memory)
    assert lookups(telemetry.registry) == {}


async def test_outside_a_request_the_cache_works_unmeasured(telemetry: Telemetry) -> None:
    FastAPICache.init(Memory())
    backend = FastAPICache.get_backend()
    await backend.set("key", b"value", 60)
    ttl, value = await backend.get_with_ttl("key")
    assert (0 < ttl <= 60, value) == (True, b"value")
    FastAPICache._enable = False  # `init` sets it
    assert await cache(expire=60)(seven)() == 7
    assert lookups(telemetry.registry) == {}


def test_an_application_without_the_package_is_instrumented_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # How Python forbids an import.
    monkeypatch.setitem(sys.modules, "fastapi_cache", None)
    stock: Any = FastAPICache.init
    fastapi_cache.install()
    assert FastAPICache.init == stock
