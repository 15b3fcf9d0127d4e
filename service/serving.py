"""What uvicorn makes in each of its processes."""

from fastapi import FastAPI

from observability.logs.configuration import configure
from service import app


def create_app() -> FastAPI:
    """The application, in a process that is ours to configure."""
    configure()
    return app.create_app()
