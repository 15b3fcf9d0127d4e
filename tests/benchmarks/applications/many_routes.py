"""As many routes as one wants; the last of them is asked for."""

from typing import Any

from fastapi import FastAPI

from tests.benchmarks.applications.small_model import Thing


def application(count: int, **options: Any) -> FastAPI:
    app = FastAPI(**options)
    for number in range(count):
        app.add_api_route(f"/things-{number}/{{thing_id}}", get_thing)
    return app


def last_path(count: int) -> str:
    return f"/things-{count - 1}/17"


async def get_thing(thing_id: int) -> Thing:
    return Thing(id=thing_id, name="Oak board", price=24.9)
