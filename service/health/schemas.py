from typing import Literal

from pydantic import BaseModel, Field


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Whether requests are welcome, and why."""

    status: Literal["ready", "degraded", "unavailable"] = Field(
        description="degraded: requests are served, more slowly; unavailable: they are not"
    )
    checks: dict[str, str] = Field(examples=[{"database": "ok", "migrations": "ok", "redis": "ok"}])
