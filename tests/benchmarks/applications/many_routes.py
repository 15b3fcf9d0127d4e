"""As many routes as one wants."""

from typing import Any

from fastapi import FastAPI

from tests.benchmarks.applications.small_model import Thing


def application(count: int, **options: Any) -> FastAPI:
    app = FastAPI(**options)
    for number in range(1, count + 1):
        app.add_api_route(f"/things-{number}/{{thing_id}}", get_thing)
    return app


def path_of(number: int) -> str:
    """The path of a route, counted from 1."""
    return f"/things-{number}/17"


async def get_thing(thing_id: int) -> Thing:
    return Thing(id=thing_id, name="Oak board", price=24.9)
