from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service.health.schemas import Alive, Readiness
from service.health.service import HealthService

router = APIRouter(tags=["health"])


async def health_service(request: Request) -> HealthService:
    service: HealthService = request.app.state.health
    return service


Health = Annotated[HealthService, Depends(health_service)]


@router.get("/healthz", summary="Is the process alive")
async def get_liveness() -> Alive:
    """Answers as long as the process does; restart it when it does not."""
    return Alive()


@router.get("/readyz", summary="Are requests welcome", responses={503: {"model": Readiness}})
async def get_readiness(health: Health, response: Response) -> Readiness:
    """503 while the database is away or not migrated, and when the process is about to end. Redis away reads `degraded`: requests are still served."""
    readiness = await health.readiness()
    if readiness.status == "unavailable":
        response.status_code = 503
        response.headers["Retry-After"] = "1"
    return readiness
