"""A shop to look into: `uvicorn shop:app`, then http://127.0.0.1:8000/metrics.

It needs nothing but the package, and is a little wrong on purpose: one endpoint asks the database once for every row, one
blocks the event loop, and a receipt without a valid address fails. The metrics say which.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import create_engine, text

from observability.conventions import Metric
from observability.metrics.instruments import Counter
from observability.setup import instrument

ORDERS = Metric("shop_orders_total", "counter", "Orders, by product.", ("product",))
GOODS = {1: "Mug", 2: "Oak board", 3: "Linen towel"}

engine = create_engine("sqlite:///shop.db")
products = APIRouter(prefix="/products")


class Product(BaseModel):
    id: int
    name: str


class Order(BaseModel):
    product_id: int
    email: str


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS products (id INTEGER PRIMARY KEY, name TEXT)"))
        goods = [{"id": number, "name": name} for number, name in GOODS.items()]
        connection.execute(text("INSERT OR IGNORE INTO products VALUES (:id, :name)"), goods)
    yield
    engine.dispose()


@products.get("")
def list_products() -> list[Product]:
    """One query for the list and one for each of its rows: an N+1."""
    with engine.connect() as connection:
        ids = connection.execute(text("SELECT id FROM products ORDER BY id")).scalars().all()
    return [find(product_id) for product_id in ids]


@products.get("/{product_id}")
def read_product(product_id: int) -> Product:
    return find(product_id)


def find(product_id: int) -> Product:
    with engine.connect() as connection:
        query = text("SELECT id, name FROM products WHERE id = :id")
        row = connection.execute(query, {"id": product_id}).mappings().one_or_none()
    if row is None:
        raise HTTPException(404, "There is no such product.")
    return Product.model_validate(dict(row))


app = FastAPI(title="Shop", lifespan=lifespan)
telemetry = instrument(app, service_name="shop", engine=engine)
orders = Counter(ORDERS, telemetry.registry)


@app.post("/orders", status_code=201)
def order(wanted: Order, tasks: BackgroundTasks) -> Product:
    product = find(wanted.product_id)
    orders.labels(product.name).inc()
    tasks.add_task(send_receipt, wanted.email)
    tasks.add_task(reorder, product)
    return product


def send_receipt(email: str) -> None:
    if "@" not in email:
        msg = f"{email} is no address"
        raise ValueError(msg)


async def reorder(product: Product) -> None:
    """Never starts when the receipt has failed: Starlette runs no task after one that raised."""


@app.get("/price-list")
def download() -> StreamingResponse:
    def lines() -> Iterator[str]:
        for number, name in GOODS.items():
            yield f"{number},{name}\n"

    return StreamingResponse(lines(), media_type="text/csv")


@app.get("/forecast")
async def forecast() -> int:
    """Work for the processor in an `async def` endpoint: everybody else waits."""
    return simulate(10_000_000)


def simulate(days: int) -> int:
    sold = 0
    for day in range(days):
        sold += day % 7
    return sold


app.include_router(products)
