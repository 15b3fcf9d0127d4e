"""What the OpenAPI document says beyond the routes."""

from collections.abc import Mapping, Sequence
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
# On the responses of operations that are limited, once a request was counted.
RATE_LIMIT_HEADERS = {
    "RateLimit-Policy": {
        "description": "The limits: `q` requests in `w` seconds (draft-ietf-httpapi-ratelimit-headers)",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What is left of each: `r` requests, and more in `t` seconds",
        "schema": {"type": "string"},
    },
}
# What can be done with what was made: where it leads, and in which parameter its id goes there.
LINKS: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "/products": (
        ("get", "/products/{product_id}", "path.product_id"),
        ("patch", "/products/{product_id}", "path.product_id"),
        ("delete", "/products/{product_id}", "path.product_id"),
        ("get", "/items", "query.product_id"),
    ),
    "/items": (
        ("get", "/items/{item_id}", "path.item_id"),
        ("post", "/items/{item_id}/adjust", "path.item_id"),
    ),
    "/webhooks": (
        ("get", "/webhooks/{webhook_id}/deliveries", "path.webhook_id"),
        ("delete", "/webhooks/{webhook_id}", "path.webhook_id"),
    ),
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
    document["components"]["headers"] = HEADERS | RATE_LIMIT_HEADERS
    for operations in document["paths"].values():
        for operation in operations.values():
            names = [*HEADERS, *(RATE_LIMIT_HEADERS if "429" in operation["responses"] else ())]
            references = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
            for response in operation["responses"].values():
                response["headers"] = {**response.get("headers", {}), **references}
    for path, targets in LINKS.items():
        document["paths"][path]["post"]["responses"]["201"]["links"] = _links(document["paths"], targets)
    return document


def _links(paths: dict[str, Any], targets: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    operations = [(paths[path][method]["operationId"], parameter) for method, path, parameter in targets]
    return {
        operation: {"operationId": operation, "parameters": {parameter: "$response.body#/id"}}
        for operation, parameter in operations
    }
