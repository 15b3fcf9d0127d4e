"""The smallest application worth measuring: one route that returns a small model."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

PATH = "/things/17"


class Thing(BaseModel):
    id: int
    name: str
    price: float


def application(**options: Any) -> FastAPI:
    app = FastAPI(**options)

    @app.get("/things/{thing_id}")
    async def get_thing(thing_id: int) -> Thing:
        return Thing(id=thing_id, name="Oak board", price=24.9)

    return app
