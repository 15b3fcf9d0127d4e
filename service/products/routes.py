from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response, Security

from service.infra.authentication import authenticate
from service.infra.cache.route import CachedRoute, cached
from service.infra.etags import etag
from service.infra.fields import Identifier
from service.infra.locations import path_to
from service.infra.tokens import Scope
from service.problems import documented
from service.products.caching import PAGES, PRODUCT, tags_of_page, tags_of_product
from service.products.schemas import NewProduct, Product, ProductChange, ProductPage, ProductQuery
from service.products.service import ProductService

router = APIRouter(prefix="/products", tags=["products"], route_class=CachedRoute)


async def product_service(request: Request) -> ProductService:
    service: ProductService = request.app.state.products
    return service


Products = Annotated[ProductService, Depends(product_service)]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1000,
        description="Only if the product still has this ETag",
        examples=['"1"'],
    ),
]
may_write = Security(authenticate, scopes=[Scope.CATALOGUE_WRITE])


@router.get("", summary="List products", responses=documented(422, 503))
@cached(
    name=PAGES,
    expire=60,
    stale=30,
    stale_if_error=3600,
    tags=lambda arguments, page: tags_of_page(arguments["query"], page),
    before_dependencies=True,
)
async def list_products(products: Products, query: Annotated[ProductQuery, Query()]) -> ProductPage:
    """The catalogue, ordered by id. Follow `next_cursor` for more."""
    return await products.page(query)


@router.get("/{product_id}", summary="Get a product", responses=documented(404, 422, 503))
@cached(
    name=PRODUCT,
    expire=60,
    stale=30,
    stale_if_error=3600,
    tags=lambda _arguments, product: tags_of_product(product.id),
    before_dependencies=True,
)
async def get_product(products: Products, product_id: Identifier, response: Response) -> Product:
    """One product, with its version as `ETag`."""
    return _tagged(await products.get(product_id), response)


@router.post(
    "",
    status_code=201,
    summary="Create a product",
    dependencies=[may_write],
    responses=documented(401, 403, 422, 503),
)
async def create_product(
    products: Products, product: NewProduct, request: Request, response: Response
) -> Product:
    """Adds a product to the catalogue; `Location` is where it is."""
    created = await products.create(product)
    response.headers["Location"] = path_to(request, "get_product", product_id=created.id)
    return _tagged(created, response)


@router.patch(
    "/{product_id}",
    summary="Change a product",
    dependencies=[may_write],
    responses=documented(401, 403, 404, 412, 422, 503),
)
async def change_product(
    products: Products,
    product_id: Identifier,
    change: ProductChange,
    response: Response,
    if_match: IfMatch = None,
) -> Product:
    """Changes the given fields. With `If-Match`, only if nobody else has changed it meanwhile."""
    return _tagged(await products.change(product_id, change, if_match=if_match), response)


@router.delete(
    "/{product_id}",
    status_code=204,
    response_class=Response,
    summary="Delete a product",
    dependencies=[may_write],
    responses=documented(401, 403, 404, 412, 422, 503),
)
async def delete_product(products: Products, product_id: Identifier, if_match: IfMatch = None) -> None:
    """Deletes the product and its stock items."""
    await products.delete(product_id, if_match=if_match)


def _tagged(product: Product, response: Response) -> Product:
    response.headers["ETag"] = etag(product.version)
    return product
