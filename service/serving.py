"""What uvicorn makes in each of its processes."""

from fastapi import FastAPI

from service import app
from service.infra import logs


def create_app() -> FastAPI:
    """The application, in a process that is ours to configure."""
    logs.configure()
    return app.create_app()
