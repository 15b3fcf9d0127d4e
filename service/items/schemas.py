from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from service.infra.cursors import Cursor, PageSize
from service.infra.fields import Identifier, json_integer

MAX_QUANTITY = 1_000_000_000
MAX_DELTA = 1_000_000

Sku = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*$"),
    Field(description="Names the item, once in the whole catalogue", examples=["KIT-000123-B"]),
]
Warehouse = Annotated[
    str,
    StringConstraints(min_length=1, max_length=32, pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*$"),
    Field(examples=["AMS-1"]),
]
Quantity = Annotated[int, Field(ge=0, le=MAX_QUANTITY, examples=[12]), json_integer]


def _not_zero(delta: int) -> int:
    if delta == 0:
        msg = "must not be 0"
        raise ValueError(msg)
    return delta


class Item(BaseModel):
    """So many pieces of a product in one warehouse."""

    # Plain types: the rules are for what comes in. What is stored is shown, even if it is older than a rule.
    model_config = ConfigDict(from_attributes=True)

    id: int = Field(examples=[1])
    product_id: int = Field(examples=[1])
    sku: str = Field(examples=["KIT-000123-B"])
    warehouse: str = Field(examples=["AMS-1"])
    quantity: int = Field(examples=[12])
    updated_at: datetime


class NewItem(BaseModel):
    """What an item is made from."""

    model_config = ConfigDict(extra="forbid")

    product_id: Annotated[Identifier, json_integer]
    sku: Sku
    warehouse: Warehouse
    quantity: Quantity = 0


class Adjustment(BaseModel):
    """How much comes in (positive) or goes out (negative)."""

    model_config = ConfigDict(extra="forbid")

    delta: Annotated[
        int,
        Field(ge=-MAX_DELTA, le=MAX_DELTA, json_schema_extra={"not": {"const": 0}}, examples=[-2]),
        AfterValidator(_not_zero),
        json_integer,
    ]


class ItemPage(BaseModel):
    """Part of the items of a product, ordered by id."""

    items: list[Item]
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page; null on the last", examples=["YWZ0ZXI6NTA"]
    )


class ItemQuery(BaseModel):
    """Whose items, and how many."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product_id: Identifier
    limit: PageSize = 50
    cursor: Cursor | None = None
