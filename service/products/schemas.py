from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import (
    MISSING,
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from service.infra.cursors import Cursor, PageSize
from service.infra.fields import text


def _in_cents(price: Decimal) -> Decimal:
    """A zero counts as a number of one digit whatever its exponent, for which PostgreSQL has a limit."""
    return price.quantize(Decimal("0.01"))


Price = Annotated[
    Decimal,
    Field(ge=0, max_digits=10, decimal_places=2, description="In euros", examples=["24.90"]),
    AfterValidator(_in_cents),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\d{1,8}(\.\d{1,2})?$"},
                {"type": "number", "minimum": 0, "maximum": 99_999_999.99},
            ]
        }
    ),
]
Category = Annotated[
    str,
    StringConstraints(min_length=1, max_length=50, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$"),
    Field(description="A slug", examples=["kitchen"]),
]
Name = Annotated[str, text(200), Field(examples=["Walnut chopping board"])]
Description = Annotated[str, text(5000), Field(examples=["A solid board with a juice groove."])]


class Product(BaseModel):
    """A product of the catalogue."""

    # Plain types: the rules are for what comes in. What is stored is shown, even if it is older than a rule.
    model_config = ConfigDict(from_attributes=True)

    id: int = Field(examples=[1])
    name: str = Field(examples=["Walnut chopping board"])
    description: str = Field(examples=["A solid board with a juice groove."])
    category: str = Field(examples=["kitchen"])
    price: Decimal = Field(description="In euros", examples=["24.90"])
    version: int = Field(description="Counts the changes; the ETag of this product", examples=[1])
    created_at: datetime
    updated_at: datetime


class NewProduct(BaseModel):
    """What a product is made from."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    description: Description
    category: Category
    price: Price


class ProductChange(BaseModel):
    """The fields to change; those left out stay as they are."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})

    name: Name | MISSING = MISSING
    description: Description | MISSING = MISSING
    category: Category | MISSING = MISSING
    price: Price | MISSING = MISSING

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            msg = "name at least one field to change"
            raise ValueError(msg)
        return self


class ProductPage(BaseModel):
    """Part of the catalogue, ordered by id."""

    products: list[Product]
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page; null on the last", examples=["YWZ0ZXI6NTA"]
    )
    # The id of the product behind the page: what is cached depends on it, and nobody is told.
    behind: int | None = Field(default=None, exclude=True)


class ProductQuery(BaseModel):
    """Which products, and how many."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: PageSize = 50
    cursor: Cursor | None = None
    category: Category | None = None
    min_price: Price | None = None
    max_price: Price | None = None
    q: (
        Annotated[
            str, text(200), Field(description="Words in the name or description", examples=["oak -table"])
        ]
        | None
    ) = None

    @field_validator("max_price")
    @classmethod
    def _above_min_price(cls, max_price: Decimal | None, others: ValidationInfo) -> Decimal | None:
        min_price = others.data.get("min_price")
        if min_price is not None and max_price is not None and min_price > max_price:
            msg = "must not be below min_price"
            raise ValueError(msg)
        return max_price
