"""The endpoint that Prometheus asks."""

import asyncio
import threading
from collections.abc import Iterable

import prometheus_client
import pytest
from fastapi import FastAPI
from prometheus_client.registry import Collector

from observability.asgi.exposition import ScrapeEndpoint
from observability.metrics.exposition import Exposition
from observability.metrics.registry import Registry
from observability.setup import instrument
from tests.unit.observability.server import Cycle, http_scope, request, serve, until


class Slow(Collector):
    """A collector that takes as long as a test wants, and remembers where it ran."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.ran_in: list[threading.Thread] = []

    def describe(self) -> Iterable[prometheus_client.Metric]:
        return ()

    def collect(self) -> Iterable[prometheus_client.Metric]:
        self.ran_in.append(threading.current_thread())
        self.may_go_on.wait(10)
        return ()


@pytest.fixture
def slow(registry: Registry) -> Slow:
    slow = Slow()
    registry.register(slow)
    return slow


@pytest.fixture
def endpoint(registry: Registry) -> ScrapeEndpoint:
    return ScrapeEndpoint(Exposition(registry))


async def test_the_event_loop_and_scrapes_that_want_the_same_wait_for_one_rendering(
    endpoint: ScrapeEndpoint, slow: Slow
) -> None:
    scrapes = [asyncio.create_task(request(endpoint, "/metrics")) for _ in range(5)]
    await until(lambda: slow.ran_in)
    assert threading.current_thread() not in slow.ran_in
    slow.may_go_on.set()
    replies = await asyncio.gather(*scrapes)
    assert len(slow.ran_in) == 1
    assert {reply.body for reply in replies} == {replies[0].body}
    assert b"telemetry_series" in replies[0].body


async def test_a_scrape_that_wants_something_else_gets_that(endpoint: ScrapeEndpoint, slow: Slow) -> None:
    slow.may_go_on.set()
    openmetrics = [(b"accept", b"application/openmetrics-text")]
    text, other = await asyncio.gather(
        request(endpoint, "/metrics"), request(endpoint, "/metrics", headers=openmetrics)
    )
    assert text.header("Content-Type").startswith("text/plain")
    assert other.header("Content-Type").startswith("application/openmetrics-text")
    assert other.body.endswith(b"# EOF\n")


async def test_a_scrape_that_is_given_up_leaves_the_others_their_answer(
    endpoint: ScrapeEndpoint, slow: Slow
) -> None:
    first = asyncio.create_task(request(endpoint, "/metrics"))
    await until(lambda: slow.ran_in)
    second = asyncio.create_task(request(endpoint, "/metrics"))
    await asyncio.sleep(0)
    first.cancel()
    slow.may_go_on.set()
    assert b"telemetry_series" in (await second).body


async def test_names_and_compression_are_negotiated(endpoint: ScrapeEndpoint) -> None:
    scope = http_scope("/metrics", headers=[(b"accept-encoding", b"gzip")])
    scope["query_string"] = b"name[]=telemetry_series&name[]=other"
    reply = await serve(endpoint, scope, Cycle())
    assert reply.header("Content-Encoding") == "gzip"
    assert reply.header("Vary") == "Accept, Accept-Encoding"
    assert reply.body.startswith(b"\x1f\x8b")
    scope["headers"] = []
    names = [line.split()[0] for line in (await serve(endpoint, scope, Cycle())).body.splitlines()]
    assert names == [b"#", b"#", b"telemetry_series"]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 405), ("DELETE", 405)])
async def test_a_scrape_only_reads(endpoint: ScrapeEndpoint, method: str, status: int) -> None:
    reply = await request(endpoint, "/metrics", method)
    assert reply.status == status
    if status == 405:
        assert reply.header("Allow") == "GET, HEAD"
        assert reply.header("Content-Type").startswith("text/plain")
        assert reply.body == b"Method Not Allowed"


async def test_scrapes_do_not_wait_for_the_threads_of_endpoints() -> None:
    app, may_go_on = FastAPI(), threading.Event()
    busy: list[str] = []

    @app.get("/")
    def read() -> None:
        busy.append("one more")
        may_go_on.wait(10)

    instrument(app, service_name="shop")
    requests = [asyncio.create_task(request(app, "/")) for _ in range(60)]
    await until(lambda: len(busy) == 40)
    assert b"thread_pool_busy" in (await request(app, "/metrics")).body
    may_go_on.set()
    await asyncio.gather(*requests)


async def test_a_scrape_that_comes_before_any_request_and_without_a_lifespan_shows_every_route() -> None:
    app = FastAPI()
    app.add_api_route("/orders", lambda: "ok", methods=["GET"])
    instrument(app, service_name="shop")
    reply = await request(app, "/metrics")
    assert (
        b'http_server_request_duration_seconds_count{http_request_method="GET",http_route="/orders"'
        in reply.body
    )
