"""The product API itself, as `create_app` wires it."""

from fastapi import FastAPI

from service.app import create_app
from service.settings import Settings

_SECRET = "0f8e7d6c5b4a39281706f5e4d3c2b1a0"


def make(database_url: str, redis_url: str, pool_size: int) -> FastAPI:
    return create_app(
        Settings(
            database_url=database_url,
            redis_url=redis_url,
            token_secret=_SECRET,
            read_pool_size=pool_size,
            pool_timeout=30,
        )
    )
