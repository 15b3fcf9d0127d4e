"""`GET /products` of the service beside other ways to answer it from Redis; all give the same page."""

from typing import Any

from fastapi import FastAPI, Response
from fastapi_cache import FastAPICache
from fastapi_cache.backends.redis import RedisBackend
from fastapi_cache.decorator import cache
from redis.asyncio import Redis

from service.products.schemas import ProductPage

PATH = "/products"
_KEY = "bench:page"


def by_hand(redis_url: str, page: bytes) -> FastAPI:
    """A route that does nothing but fetch the bytes."""
    app, redis = _application(), Redis.from_url(redis_url)

    @app.get(PATH)
    async def list_products() -> Response:
        found = await redis.get(_KEY)
        if found is None:
            await redis.set(_KEY, page)
        return Response(found or page, media_type="application/json")

    return app


def by_stock_decorator(redis_url: str, page: bytes) -> FastAPI:
    """The decorator of fastapi-cache2, as its documentation has it."""
    app = _application()
    FastAPICache.init(RedisBackend(Redis.from_url(redis_url)), prefix="bench")
    products = ProductPage.model_validate_json(page)

    @app.get(PATH)
    @cache(expire=3600)
    async def list_products() -> ProductPage:
        return products

    return app


def _application(**options: Any) -> FastAPI:
    return FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False}, **options)
