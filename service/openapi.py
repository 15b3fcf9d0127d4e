"""What the OpenAPI document says beyond the routes."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from service.problems import Problem

REF_TEMPLATE = "#/components/schemas/{model}"
DESCRIPTION = """
A product catalogue with stock, built to be looked into: every response carries

- `X-Process-Time`: seconds until the response started,
- `Server-Timing`: where that time went (`app`, `db`, `cache`, in milliseconds),
- `X-Trace-Id`: quote it when you ask for help.

Reading is open to everybody. Writing needs a bearer token from `POST /token` with the scope that the operation names.
Errors are problem details (RFC 9457) with the field, the reason and the trace id.
"""
TAGS = [
    {"name": "products", "description": "The catalogue"},
    {"name": "items", "description": "The stock: pieces of a product in a warehouse"},
    {"name": "users", "description": "Accounts and tokens"},
    {"name": "health", "description": "For load balancers and supervisors"},
]


def describe(app: FastAPI) -> None:
    """Add the schemas that `problems.documented` refers to."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        _, schemas = models_json_schema([(Problem, "serialization")], ref_template=REF_TEMPLATE)
        document["components"]["schemas"].update(schemas["$defs"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to extend the document
