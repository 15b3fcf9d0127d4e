"""Requests that schemathesis makes up, right and wrong ones: the answers are those that the OpenAPI document describes."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import settings as bounded
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.python.asgi import ASGIClient, shutdown_lifespans
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.app import create_app
from service.settings import Settings
from tests.integration.conftest import ALL_SCOPES, SECRET, execute

EXAMPLES_AN_OPERATION = 30
# Of what was made and is then worked with.
HISTORIES = bounded(
    max_examples=30,
    stateful_step_count=12,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
LINKED = {
    "GET /products/{product_id}",
    "PATCH /products/{product_id}",
    "DELETE /products/{product_id}",
    "GET /items",
    "GET /items/{item_id}",
    "POST /items/{item_id}/adjust",
    "GET /webhooks/{webhook_id}/deliveries",
    "DELETE /webhooks/{webhook_id}",
}
EMPTY = """
    DELETE FROM users WHERE id > 1;
    TRUNCATE products, items, webhook_subscriptions, webhook_events, pgqueuer RESTART IDENTITY CASCADE
"""
log = logging.getLogger(__name__)
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
        fill(client, *EXISTING)
        yield client
    shutdown_lifespans()


@schema.parametrize()
@bounded(max_examples=EXAMPLES_AN_OPERATION, suppress_health_check=list(HealthCheck))
def test_answers_are_as_documented(case: schemathesis.Case[Any], client: ASGIClient) -> None:
    case.call_and_validate(
        session=client,
        additional_checks=[right_requests_are_refused_for_what_schemas_cannot_say],
        excluded_checks=[positive_data_acceptance],
    )


def test_what_was_made_can_be_worked_with_as_documented(client: ASGIClient, settings: Settings) -> None:
    postgres_url, valkey = settings.database_url.replace("+asyncpg", ""), Redis.from_url(settings.redis_url)
    steps: Counter[str] = Counter()
    followed: Counter[str] = Counter()

    class Machine(schema.as_state_machine()):  # type: ignore[misc]  # made at run time
        def setup(self) -> None:
            # The same choices lead to the same answers, as Hypothesis wants it.
            asyncio.run(execute(postgres_url, EMPTY))
            valkey.flushdb()
            fill(client, "/webhooks", "/products", "/items")

        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> dict[str, Any]:
            steps[case.operation.label] += 1
            return {"session": client}

        def validate_response(self, response: Any, case: schemathesis.Case[Any], **_: Any) -> None:
            if response.status_code < 300:
                followed[case.operation.label] += 1
            case.validate_response(response, excluded_checks=[positive_data_acceptance])

    run_state_machine_as_test(Machine, settings=HISTORIES)
    valkey.close()
    log.info("%d steps: %s", steps.total(), dict(steps))
    assert set(followed) >= LINKED


def fill(client: ASGIClient, *paths: str) -> None:
    for path in paths:
        assert client.post(path, json=EXISTING[path]).status_code == 201


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
