"""Errors as HTTP: RFC 9457 problem details, one shape for everything that can go wrong."""

import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from observability import context
from service.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    ServiceError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unsupported,
)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:glasshouse:problem:"
# What the status alone says (RFC 9457, 4.2.1).
NO_KIND = "about:blank"

STATUS_OF: Mapping[type[ServiceError], HTTPStatus] = {
    Invalid: HTTPStatus(422),  # its name in HTTPStatus changed in Python 3.13
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    Unsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


class FieldProblem(BaseModel):
    """One thing that is wrong with the request."""

    location: list[str | int] = Field(
        description="Where: `body`, `query`, `path` or `header`, then the way to the field.",
        examples=[["query", "limit"]],
    )
    detail: str = Field(examples=["Input should be less than or equal to 100"])
    type: str = Field(description="A stable name of the rule that was broken.", examples=["less_than_equal"])


class Problem(BaseModel):
    """Problem details of RFC 9457."""

    model_config = ConfigDict(json_schema_extra={"description": "RFC 9457 problem details"})

    type: str = Field(examples=[f"{TYPE_PREFIX}product-not-found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no product 4711"])
    instance: str = Field(description="The path that was requested.", examples=["/products/4711"])
    trace_id: str | None = Field(
        description="Quote this when you ask for help.", examples=["0af7651916cd43dd8448eb211c80319c"]
    )
    errors: list[FieldProblem] | None = Field(
        default=None, description="What is wrong, field by field; the first 20."
    )


# Raised for bodies that cannot be read, and for those alone.
_ABOUT_THE_BODY = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus(413)})
_MOST_NAMED = 20
_CLEARER = {
    "model_attributes_type": "Must be a JSON object, sent with `Content-Type: application/json`",
}
_RETRY_LATER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
DEFAULT_RESPONSE: dict[int | str, dict[str, Any]] = {
    "default": {"description": "Anything unexpected", "content": _CONTENT}
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these problems."""
    return {status: _documentation(HTTPStatus(status)) for status in statuses}


def _documentation(status: HTTPStatus) -> dict[str, Any]:
    documentation: dict[str, Any] = {"description": status.phrase, "content": _CONTENT}
    if status in _RETRY_LATER:
        documentation["headers"] = {
            "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}
        }
    return documentation


def install(app: FastAPI) -> None:
    """Make every error of this application a problem document."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected_error)


async def answer(request: Request, error: Exception) -> Response:
    """The problem document of an error that happens before an application has its say."""
    handler = _http_error if isinstance(error, HTTPException) else _service_error
    return await handler(request, error)


def prepared(error: ServiceError) -> Callable[[bytes], bytes]:
    """Makes the problem document of this error by the raw path, cheaply: there is no request yet, nor a trace."""
    nowhere = "/nowhere"
    before, after = _document(
        status_of(error),
        kind=TYPE_PREFIX + error.slug(),
        title=error.title,
        detail=error.detail,
        instance=nowhere,
    ).split(f'"{nowhere}"')

    def document(path: bytes) -> bytes:
        return f"{before}{json.dumps(path.decode('latin-1'))}{after}".encode()

    return document


def unread(status: HTTPStatus, detail: str) -> bytes:
    """The problem document of what was not read far enough to know a path."""
    return _document(status, kind=NO_KIND, title=status.phrase, detail=detail, instance="").encode()


def status_of(error: ServiceError) -> HTTPStatus:
    """The HTTP status of an error: that of its nearest ancestor in the tree."""
    return next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)


async def _service_error(request: Request, error: Exception) -> Response:
    failure = cast("ServiceError", error)
    errors = None
    if failure.location:
        errors = [FieldProblem(location=list(failure.location), detail=failure.detail, type=failure.slug())]
    return _problem(
        request,
        status_of(failure),
        kind=TYPE_PREFIX + failure.slug(),
        title=failure.title,
        detail=failure.detail,
        errors=errors,
        headers=failure.headers,
    )


async def _validation_error(request: Request, error: Exception) -> Response:
    failures = cast("RequestValidationError", error).errors()
    errors = [_field_problem(failure) for failure in failures[:_MOST_NAMED]]
    named = "; ".join(f"{'.'.join(map(str, e.location))}: {e.detail}" for e in errors[:3])
    if len(failures) > _MOST_NAMED:
        named += f" (the first {_MOST_NAMED} of {len(failures):,})"
    return _problem(
        request,
        STATUS_OF[Invalid],
        kind=TYPE_PREFIX + Invalid.slug(),
        title=Invalid.title,
        detail=named,
        errors=errors,
    )


async def _http_error(request: Request, error: Exception) -> Response:
    failure = cast("HTTPException", error)
    status = HTTPStatus(failure.status_code)
    detail = status.description or status.phrase if failure.detail == status.phrase else failure.detail
    errors = None
    if status in _ABOUT_THE_BODY:
        errors = [FieldProblem(location=["body"], detail=detail, type="unreadable")]
    headers = dict(failure.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request)) or headers["Allow"]
    return _problem(request, status, detail=detail, errors=errors, headers=headers)


async def _unexpected_error(request: Request, _error: Exception) -> Response:
    # Starlette raises the error again behind this answer, and the server logs it with its stack.
    return _problem(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        detail="Something went wrong on our side; it has been recorded",
    )


def _methods(request: Request) -> list[str]:
    """Those of every route of the path: routers name only those of the first (RFC 9110, 10.2.1 wants all)."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    operations = request.app.openapi()["paths"].items()
    allowed = {
        method.upper()
        for template, methods in operations
        if compile_path(template)[0].match(path)
        for method in methods
    }
    return sorted(allowed | {"HEAD"} if "GET" in allowed else allowed)


def _field_problem(failure: Mapping[str, Any]) -> FieldProblem:
    location, kind = list(failure["loc"]), failure["type"]
    detail = _CLEARER.get(kind) or failure["msg"].removeprefix("Value error, ")
    if kind == "json_invalid":
        *location, position = location
        detail = f"Not valid JSON at character {position}: {failure['ctx']['error']}"
    return FieldProblem(location=location, detail=detail, type=kind)


def _problem(
    request: Request,
    status: HTTPStatus,
    *,
    detail: str,
    kind: str = NO_KIND,
    title: str | None = None,
    errors: Sequence[FieldProblem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    record = context.current()
    body = _document(
        status,
        kind=kind,
        title=title or status.phrase,
        detail=detail,
        instance=quote(request.scope["path"]),
        trace_id=record.trace_id if record else None,
        errors=errors,
    )
    return Response(body, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _document(
    status: HTTPStatus,
    *,
    kind: str,
    title: str,
    detail: str,
    instance: str,
    trace_id: str | None = None,
    errors: Sequence[FieldProblem] | None = None,
) -> str:
    problem = Problem(
        type=kind,
        title=title,
        status=status,
        detail=detail,
        instance=instance,
        trace_id=trace_id,
        errors=list(errors) if errors is not None else None,
    )
    return problem.model_dump_json(exclude={"errors"} if errors is None else None)
