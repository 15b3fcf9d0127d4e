"""The service is measured from its first request, and tells its clients so."""

import re

import pytest
from httpx2 import Response

from observability.conventions import LIMITS
from service.settings import Settings
from tests.integration.cache.conftest import eventually
from tests.integration.conftest import Api, serving

Sample = tuple[str, frozenset[tuple[str, str]]]

DURATION = "http_server_request_duration_seconds"
WAIT = "db_client_connection_wait_time_seconds"
SAMPLE = re.compile(r"^(\w+)(?:\{(.*?)\})? (\S+)", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')


class Metrics:
    """What one scrape told."""

    def __init__(self, exposition: str) -> None:
        self._samples = [
            (name, dict(LABEL.findall(labels)), float(value))
            for name, labels, value in SAMPLE.findall(exposition)
        ]

    def values(self, name: str, **labels: str) -> list[float]:
        return [
            value
            for each, its_labels, value in self._samples
            if each == name and labels.items() <= its_labels.items()
        ]

    def labels(self, name: str, label: str) -> set[str]:
        return {labels[label] for each, labels, _ in self._samples if each == name}


async def scrape(api: Api) -> Metrics:
    answer = await api.client.get("/metrics")
    assert answer.status_code == 200
    return Metrics(answer.text)


async def has_none_in_use(api: Api) -> bool:
    """Sometimes the process looks for something of its own."""
    metrics = await scrape(api)
    return metrics.values("db_client_connection_count", db_client_connection_state="used") == [0, 0]


async def test_every_documented_route_has_its_histograms_before_its_first_request(
    settings: Settings,
) -> None:
    async with serving(settings) as api:
        metrics = await scrape(api)
        documented = {
            (method.upper(), path)
            for path, methods in api.app.openapi()["paths"].items()
            for method in methods
        }
    for method, route in documented:
        labels = {"http_request_method": method, "http_route": route}
        statuses = {
            status: metrics.values(f"{DURATION}_count", http_response_status_code=status, **labels)
            for status in ("200", "201", "202", "204", "500")
        }
        assert statuses.pop("500") == [0.0], (method, route)
        assert [0.0] in statuses.values(), (method, route)


async def test_refusals_are_seen_from_the_first(settings: Settings) -> None:
    async with serving(settings) as api:
        metrics = await scrape(api)
    refused = {"http_route": "<shed>", "http_response_status_code": "503"}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert metrics.values(f"{DURATION}_count", http_request_method=method, **refused) == [0.0]
    assert metrics.values("http_server_request_outcomes_total", http_route="<shed>", outcome="shed") == [0.0]
    for limit in LIMITS:
        assert metrics.values("http_server_limits_exceeded_total", limit=limit) == [0.0]


async def test_latency_objectives_are_exact_buckets(api: Api) -> None:
    assert {"0.05", "0.25"} <= (await scrape(api)).labels(f"{DURATION}_bucket", "le")


async def test_a_request_is_counted_under_its_route_with_its_queries(settings: Settings) -> None:
    async with serving(settings) as api:
        for item_id in (1, 2):
            await api.client.get(f"/items/{item_id}")
        metrics = await scrape(api)
    labels = {"http_route": "/items/{item_id}", "http_response_status_code": "404"}
    assert metrics.values(f"{DURATION}_count", **labels) == [2]
    assert metrics.values("http_server_request_db_queries_sum", http_route="/items/{item_id}") == [2]
    assert metrics.values(f"{DURATION}_count", http_route="/metrics") == []


async def test_both_pools_show_their_size_their_use_and_how_long_callers_waited(
    settings: Settings,
) -> None:
    sizes = {"read_pool_size": 7, "write_pool_size": 3}
    async with serving(settings.model_copy(update=sizes)) as api:
        await api.client.get("/items/1")
        await api.create_product()
        await eventually(lambda: has_none_in_use(api))
        metrics = await scrape(api)
    for pool, size in (("read", 7), ("write", 3)):
        name = {"db_client_connection_pool_name": pool}
        assert sum(metrics.values("db_client_connection_count", **name)) >= 1
        assert metrics.values("db_client_connection_max", **name) == [size]
        assert metrics.values("db_client_connection_pending_requests", **name) == [0]
        assert metrics.values(f"{WAIT}_count", **name)[0] >= 1


async def test_queries_and_the_commands_of_rate_limits_are_measured(settings: Settings) -> None:
    async with serving(settings) as api:
        form = {"grant_type": "password", "username": "ada@example.com", "password": "wrong"}
        await api.client.post("/token", data=form)
        metrics = await scrape(api)
    duration = "db_client_operation_duration_seconds_count"
    assert metrics.values(duration, db_system_name="postgresql", db_operation_name="SELECT")[0] >= 1
    assert sum(metrics.values(duration, db_system_name="redis", db_operation_name="EVALSHA")) >= 1


async def test_what_runs_is_named(settings: Settings) -> None:
    async with serving(settings.model_copy(update={"revision": "abc1234"})) as api:
        metrics = await scrape(api)
        version = api.app.version
    assert metrics.values("service_build_info", version=version, revision="abc1234") == [1]


async def test_with_an_admin_port_the_api_shows_no_metrics(settings: Settings) -> None:
    async with serving(settings.model_copy(update={"admin_port": 9})) as api:
        assert (await api.client.get("/metrics")).status_code == 404


async def created(api: Api) -> Response:
    product = {"name": "Mug", "description": "d", "category": "c", "price": "1"}
    return await api.client.post("/products", json=product, headers=api.as_writer())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz", 200),
        ("/items/0", 422),
        ("/items/999999999", 404),
        ("/nowhere", 404),
        ("/me", 401),
        ("/products/", 307),
        ("/docs", 200),
        ("/openapi.json", 200),
    ],
)
async def test_every_answer_says_how_long_it_took_and_which_trace_it_belongs_to(
    api: Api, path: str, status: int
) -> None:
    answer = await api.client.get(path)
    assert answer.status_code == status
    assert 0 < float(answer.headers["x-process-time"]) < 60
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-trace-id"])
    assert re.fullmatch(r"app;dur=[\d.]+, db;dur=[\d.]+, cache;dur=[\d.]+", answer.headers["server-timing"])


async def test_an_answer_to_what_nobody_expected_says_so_too(settings: Settings) -> None:
    async with serving(settings) as api:
        api.app.state.items = None
        answer = await api.client.get("/items/1")
    assert answer.status_code == 500
    assert {"x-process-time", "x-trace-id", "server-timing"} <= answer.headers.keys()


async def test_the_time_in_the_database_is_told(api: Api) -> None:
    timing = (await api.client.get("/items/1")).headers["server-timing"]
    app, db = (float(value) for value in re.findall(r"(?:app|db);dur=([\d.]+)", timing))
    assert 0 < db <= app
