from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response, Security

from service.infra.authentication import authenticate
from service.infra.fields import Identifier
from service.infra.locations import path_to
from service.infra.tokens import Caller, Scope
from service.items.idempotency import IdempotencyKey
from service.items.schemas import Adjustment, Item, ItemPage, ItemQuery, NewItem
from service.items.service import ItemService
from service.problems import documented

router = APIRouter(prefix="/items", tags=["items"])


async def item_service(request: Request) -> ItemService:
    service: ItemService = request.app.state.items
    return service


Items = Annotated[ItemService, Depends(item_service)]
StockWriter = Annotated[Caller, Security(authenticate, scopes=[Scope.STOCK_WRITE])]


@router.get("/{item_id}", summary="Get a stock item", responses=documented(404, 422, 503))
async def get_item(items: Items, item_id: Identifier, response: Response) -> Item:
    """One item as it is now, straight from the database: stock is too volatile to be cached."""
    response.headers["Cache-Control"] = "no-store"
    return await items.get(item_id)


@router.get("", summary="List the items of a product", responses=documented(422, 503))
async def list_items(items: Items, query: Annotated[ItemQuery, Query()], response: Response) -> ItemPage:
    """The stock of one product in all warehouses. Follow `next_cursor` for more."""
    response.headers["Cache-Control"] = "no-store"
    return await items.of_product(query)


@router.post(
    "", status_code=201, summary="Create a stock item", responses=documented(401, 403, 409, 422, 503)
)
async def create_item(
    items: Items, item: NewItem, _caller: StockWriter, request: Request, response: Response
) -> Item:
    """Adds an item; `Location` is where it is. A SKU exists once."""
    created = await items.create(item)
    response.headers["Location"] = path_to(request, "get_item", item_id=created.id)
    return created


@router.post(
    "/{item_id}/adjust", summary="Adjust the stock", responses=documented(401, 403, 404, 409, 422, 503)
)
async def adjust_item(
    items: Items,
    item_id: Identifier,
    adjustment: Adjustment,
    caller: StockWriter,
    response: Response,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="Any unique text: with it, sending the same request again changes nothing",
            examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
        ),
    ] = None,
) -> Item:
    """Adds `delta` to the quantity, atomically, never below zero.

    With an `Idempotency-Key` the change is made once, however often the request is sent; an answer that was
    given before carries `Idempotent-Replayed: true`.
    """
    if idempotency_key is None:
        return await items.adjust(item_id, adjustment.delta)
    digest = sha256(f"{item_id} {adjustment.delta}".encode()).digest()
    key = IdempotencyKey(caller.user_id, idempotency_key, digest)
    item, replayed = await items.adjust_once(item_id, adjustment.delta, key)
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return item
