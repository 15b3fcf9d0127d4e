from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response, Security

from service.infra.authentication import authenticate
from service.infra.fields import Identifier
from service.infra.tokens import Caller, Scope
from service.problems import documented
from service.webhooks.schemas import (
    CreatedWebhook,
    Delivery,
    DeliveryPage,
    DeliveryQuery,
    NewWebhook,
    Webhooks,
)
from service.webhooks.service import WebhookService

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


async def webhook_service(request: Request, response: Response) -> WebhookService:
    # Secrets, and answers that are somebody's own.
    response.headers["Cache-Control"] = "no-store"
    service: WebhookService = request.app.state.webhooks
    return service


Service = Annotated[WebhookService, Depends(webhook_service)]
Owner = Annotated[Caller, Security(authenticate, scopes=[Scope.WEBHOOKS_MANAGE])]


@router.post(
    "", status_code=201, summary="Subscribe to events", responses=documented(401, 403, 409, 422, 503)
)
async def create_webhook(webhooks: Service, webhook: NewWebhook, owner: Owner) -> CreatedWebhook:
    """Sends these events to the URL from now on, signed with the secret that this answer, and no other, shows."""
    return await webhooks.create(owner.user_id, webhook)


@router.get("", summary="List your webhooks", responses=documented(401, 403, 503))
async def list_webhooks(webhooks: Service, owner: Owner) -> Webhooks:
    """All of them, oldest first, without their secrets."""
    return Webhooks(webhooks=await webhooks.of_user(owner.user_id))


@router.delete(
    "/{webhook_id}",
    status_code=204,
    response_class=Response,
    summary="Unsubscribe",
    responses=documented(401, 403, 404, 422, 503),
)
async def delete_webhook(webhooks: Service, webhook_id: Identifier, owner: Owner) -> None:
    """Nothing more is sent, and its deliveries are no longer shown."""
    await webhooks.delete(owner.user_id, webhook_id)


@router.get(
    "/{webhook_id}/deliveries", summary="List deliveries", responses=documented(401, 403, 404, 422, 503)
)
async def list_deliveries(
    webhooks: Service, webhook_id: Identifier, query: Annotated[DeliveryQuery, Query()], owner: Owner
) -> DeliveryPage:
    """What was sent, latest first, with every attempt. Follow `next_cursor` for more; they are kept for 30 days."""
    return await webhooks.deliveries(owner.user_id, webhook_id, query)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    status_code=202,
    summary="Deliver again",
    responses=documented(401, 403, 404, 422, 503),
)
async def redeliver(
    webhooks: Service, webhook_id: Identifier, delivery_id: Identifier, owner: Owner
) -> Delivery:
    """Sends it again at once, with the same `webhook-id`, and with all retries should that fail; whatever came of it before."""
    return await webhooks.redeliver(owner.user_id, webhook_id, delivery_id)
