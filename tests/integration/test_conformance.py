"""Requests that schemathesis makes up, right and wrong ones: the answers are those that the OpenAPI document describes."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.python.asgi import ASGIClient, shutdown_lifespans
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.app import create_app
from service.settings import Settings
from tests.integration.conftest import ALL_SCOPES, SECRET

EXAMPLES_AN_OPERATION = 30
# What the id 1 of the examples leads to.
EXISTING: dict[str, Any] = {
    "/register": {"email": "one@example.com", "password": "long passphrase", "name": "One"},
    "/webhooks": {"url": "https://example.com/hook", "events": ["product.created"]},
    "/products": {"name": "One", "description": "One", "category": "one", "price": "1"},
    "/items": {"product_id": 1, "sku": "ONE", "warehouse": "ONE", "quantity": 1000},
}
# Why a request may be refused that the schema admits: a schema cannot say that text is more than blanks, how many
# digits a number has, which cursors, domains of e-mail addresses and ports there are, which products, which hosts
# are public, or which keys were used.
BEYOND_SCHEMAS = {
    "string_too_short",
    "decimal_max_digits",
    "decimal_max_places",
    "value_error",
    "unknown-product",
    "private-target",
    "idempotency-key-reused",
}

# The document alone: it is needed to collect the tests, before there is a database.
schema = schemathesis.openapi.from_dict(
    create_app(
        Settings(database_url="postgresql://none/none", redis_url="redis://none", token_secret=SECRET)
    ).openapi()
)


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[ASGIClient]:
    app: Any = create_app(settings)
    with ASGIClient(app) as client:
        client.headers["Authorization"] = f"Bearer {app.state.tokens.issue(1, ALL_SCOPES)}"
        for path, thing in EXISTING.items():
            assert client.post(path, json=thing).status_code == 201
        yield client
    shutdown_lifespans()


@schema.parametrize()
@settings(max_examples=EXAMPLES_AN_OPERATION, suppress_health_check=list(HealthCheck))
def test_answers_are_as_documented(case: schemathesis.Case[Any], client: ASGIClient) -> None:
    case.call_and_validate(
        session=client,
        additional_checks=[right_requests_are_refused_for_what_schemas_cannot_say],
        excluded_checks=[positive_data_acceptance],
    )


def right_requests_are_refused_for_what_schemas_cannot_say(
    context: schemathesis.CheckContext, answer: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    if answer.status_code == 412:
        return
    try:
        positive_data_acceptance(context, answer, case)
    except RejectedPositiveData:
        if not {error["type"] for error in answer.json().get("errors", [])} <= BEYOND_SCHEMAS:
            raise
