"""The product API itself, as `create_app` wires it."""

from typing import Any

from fastapi import FastAPI

from service.app import create_app
from service.settings import Settings

SECRET = "0f8e7d6c5b4a39281706f5e4d3c2b1a0"


def make(database_url: str, redis_url: str, pool_size: int, **options: Any) -> FastAPI:
    return create_app(
        Settings(
            database_url=database_url,
            redis_url=redis_url,
            token_secret=SECRET,
            read_pool_size=pool_size,
            pool_timeout=30,
            **options,
        )
    )
