import asyncpg

from observability.testing import recorded
from service.settings import Settings
from tests.integration.conftest import serving
from tests.integration.problems import problem

LIMITS = "http_server_limits_exceeded_total"
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def test_a_request_that_meets_its_deadline_takes_its_query_with_it(
    settings: Settings, postgres: asyncpg.Connection
) -> None:
    hasty = settings.model_copy(update={"request_timeout": 0.5})
    async with serving(settings) as patient, serving(hasty) as api:
        product = await patient.create_product()
        path = f"/products/{product['id']}"
        async with postgres.transaction():
            await postgres.execute("SELECT FROM products WHERE id = $1 FOR UPDATE", product["id"])
            late = await api.client.patch(path, json={"price": "1"}, headers=api.as_writer())
            assert problem(late, 503)["type"] == "urn:glasshouse:problem:deadline-exceeded"
            of_route = {"http_route": "/products/{product_id}", "limit": "deadline"}
            assert recorded(api.app.state.telemetry.registry, LIMITS, **of_route) == 1
            assert await postgres.fetchval(WAITING) == 0
        assert (await patient.client.get(path)).json() == product
