"""What the OpenAPI document says beyond the routes."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from observability import header_conventions
from service.problems import Problem

REF_TEMPLATE = "#/components/schemas/{model}"
# On every response.
HEADERS = {
    header_conventions.PROCESS_TIME: {
        "description": "Seconds until the response started",
        "schema": {"type": "number"},
    },
    header_conventions.SERVER_TIMING: {
        "description": "Where that time went: `app`, `db`, `cache`, in milliseconds",
        "schema": {"type": "string"},
    },
    header_conventions.TRACE_ID: {
        "description": "Quote it when you ask for help",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    },
}
DESCRIPTION = """
A product catalogue with stock, built to be looked into: every response says how long it took, where that time went, and
which trace it belongs to (`X-Process-Time`, `Server-Timing`, `X-Trace-Id`).

Reading is open to everybody. Writing needs a bearer token from `POST /token` with the scope that the operation names.
Errors are problem details (RFC 9457) with the field, the reason and the trace id.
"""
TAGS = [
    {"name": "products", "description": "The catalogue"},
    {"name": "images", "description": "The images of products, and their thumbnails"},
    {"name": "items", "description": "The stock: pieces of a product in a warehouse"},
    {"name": "users", "description": "Accounts and tokens"},
    {"name": "webhooks", "description": "Events of the catalogue, sent to your own servers"},
    {"name": "health", "description": "For load balancers and supervisors"},
]


def describe(app: FastAPI) -> None:
    """Add the schemas that `problems.documented` refers to, and the headers that every response has."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(generate())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to extend the document


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    _, schemas = models_json_schema([(Problem, "serialization")], ref_template=REF_TEMPLATE)
    document["components"]["schemas"].update(schemas["$defs"])
    document["components"]["headers"] = HEADERS
    references = {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}
    for operations in document["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                response["headers"] = {**response.get("headers", {}), **references}
    return document
