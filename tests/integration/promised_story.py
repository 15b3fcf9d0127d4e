"""What happens to the application that has everything, and what it exposes then."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from redis.asyncio import Redis

from observability.conventions import OTHER, UNMATCHED
from observability.setup import Telemetry
from observability.testing import recorded
from tests.unit.observability.server import Cycle, Reply, Socket, http_scope, request, serve, until

OPENMETRICS = [(b"accept", b"application/openmetrics-text; version=1.0.0")]
ITEM, ITEMS = "/api/v1/items/{item_id}", "/api/v1/items"
KEPT, NOT_KEPT = "a" * 32, "b" * 32


Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request and what it counts as."""

    because: str
    path: str
    route: str
    status: int = 200
    method: str = "GET"
    counts_as: str = ""
    outcome: str = "completed"
    headers: Headers = ()

    @property
    def series(self) -> tuple[str, str, str]:
        return self.counts_as or self.method, self.route, str(self.status)


def traceparent(trace_id: str, flags: str) -> Headers:
    return ((b"traceparent", f"00-{trace_id}-{'1' * 16}-{flags}".encode()),)


VISITS = (
    Visit("nested routers keep every prefix", "/api/v1/items/7", ITEM),
    Visit("HEAD is a method of its own", "/api/v1/items/7", ITEM, method="HEAD"),
    Visit("a collection is a route of its own", "/api/v1/items", ITEMS),
    Visit("a status of success is what it is", "/api/v1/items", ITEMS, 201, "POST"),
    Visit("a failed query is a 500", "/api/v1/items/7", ITEM, 500, "DELETE"),
    Visit("a failed validation has its route", "/api/v1/items/seven", ITEM, 422),
    Visit("a method that is not allowed has its route", "/api/v1/items/7", ITEM, 405, "PATCH"),
    Visit("an invented method is one", "/api/v1/items/7", ITEM, 405, "BREW", counts_as=OTHER),
    Visit("one of the application's own is too", "/api/v1/items", ITEMS, 202, "PURGE", counts_as=OTHER),
    Visit("a mounted FastAPI application is counted once", "/admin/users/7", "/admin/users/{user_id}"),
    Visit("nothing in a mount is nothing", "/admin/nothing", UNMATCHED, 404),
    Visit("a mounted Starlette application shows its routes", "/legacy/pages/x", "/legacy/pages/{name}"),
    Visit("static files are one route", "/static/logo.svg", "/static/{path}"),
    Visit("a missing file is of that route", "/static/missing.svg", "/static/{path}", 404),
    Visit("paths without a route are one", "/wp-login.php", UNMATCHED, 404),
    Visit("whatever the method", "/.env", UNMATCHED, 404, "POST"),
    Visit("a slash redirect has no route", "/export/", UNMATCHED, 307),
    Visit("a stream is a request", "/export", "/export"),
    Visit("server-sent events are a stream", "/events", "/events"),
    Visit("a stream that breaks is a 500", "/broken-stream", "/broken-stream", 500, outcome="aborted"),
    Visit("an unhandled exception is a 500", "/fail", "/fail", 500),
    Visit("a refusal under load is shed", "/shed", "/shed", 503, outcome="shed"),
    Visit("what a limit ends is a request", "/limited", "/limited", 429),
    Visit("a pool without connections answers", "/greedy", "/greedy", 503),
    Visit("a failing task fails no request", "/register", "/register", 201, "POST"),
    Visit("tasks run", "/register", "/register", 201, "POST", headers=((b"x-email", b"ada@example.com"),)),
    Visit("a miss is a request", "/cached", "/cached"),
    Visit("a hit is a request", "/cached", "/cached"),
    Visit("so is another", "/cached", "/cached"),
    Visit("a pipeline is one operation", "/visits", "/visits"),
    Visit("documentation is a route", "/docs", "/docs"),
    Visit("blocking is no failure", "/compute", "/compute"),
    Visit("a kept trace", "/legacy/pages/y", "/legacy/pages/{name}", headers=traceparent(KEPT, "01")),
    Visit("a trace that is not", "/legacy/pages/z", "/legacy/pages/{name}", headers=traceparent(NOT_KEPT, "00")),
)  # fmt: skip


@dataclass
class Story:
    """What happened to the application, and what it exposes before and after."""

    app: FastAPI
    telemetry: Telemetry
    before: str = ""
    after: str = ""
    replies: list[Reply] = field(default_factory=list)

    def nonzero(self, name: str, *labels: str) -> dict[Any, float]:
        """Samples of this name that are not zero, by the values of these labels."""
        return {
            labelled(sample, labels): sample.value for sample in samples(self.after, name) if sample.value
        }


def labelled(sample: Any, labels: tuple[str, ...]) -> Any:
    values = tuple(sample.labels[label] for label in labels)
    return values[0] if len(values) == 1 else values


def samples(exposed: str, name: str = "") -> list[Any]:
    return [
        sample
        for family in text_string_to_metric_families(exposed)
        for sample in family.samples
        if name in {"", sample.name}
    ]


async def tell(story: Story, redis: Redis) -> None:
    story.before = await scrape(story.app)
    for visit in VISITS:
        story.replies.append(await request(story.app, visit.path, visit.method, visit.headers))
    await fail_a_look_up(story.app, redis)
    await leave_early(story.app)
    await Socket("hello").talk(story.app, "/rooms/open")
    await Socket("hello", leaves_with=1001).talk(story.app, "/rooms/closed")
    await Socket("hello").talk(story.app, "/rooms")
    await until(lambda: recorded(story.telemetry.registry, "asyncio_event_loop_lag_seconds_count"))
    story.after = await scrape(story.app)


async def scrape(app: FastAPI) -> str:
    return (await request(app, "/metrics", headers=OPENMETRICS)).body.decode()


async def fail_a_look_up(app: FastAPI, redis: Redis) -> None:
    """Put something under the key of the cached answer that is no string."""
    (key,) = [key async for key in redis.scan_iter() if key != b"visits"]
    await redis.delete(key)
    await redis.lpush(key, "no string")
    assert (await request(app, "/cached")).body == b"42"


async def leave_early(app: FastAPI) -> None:
    cycle = Cycle()
    serving = asyncio.create_task(serve(app, http_scope("/patient"), cycle))
    await asyncio.sleep(0)
    cycle.leave()
    await serving
