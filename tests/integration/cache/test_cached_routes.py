"""What `cached` makes of an endpoint, and what it leaves alone."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Response
from fastapi.security import HTTPBearer
from fastapi_cache import FastAPICache
from fastapi_cache.decorator import cache
from pydantic import BaseModel
from redis.asyncio import Redis
from starlette.background import BackgroundTasks
from starlette.responses import JSONResponse

from service.infra.cache.route import CachedRoute, MisconfiguredCache, cached
from tests.integration.cache.conftest import Process, StartProcess, x_cache


class Thing(BaseModel):
    """What clients may see."""

    name: str


class SecretThing(Thing):
    """What the endpoint knows."""

    secret: str


@pytest.fixture
async def process(start_process: StartProcess) -> Process:
    return await start_process()


def serve_things(process: Process, **promise: Any) -> list[str]:
    """Adds `GET /things/{name}` and returns the names that it computed."""
    computed: list[str] = []

    @process.router.get("/things/{name}")
    @cached(name="things", expire=60, **promise)
    async def get_thing(name: str, x_language: Annotated[str, Header()] = "") -> Thing:
        computed.append(name)
        return SecretThing(name=name + x_language, secret="hidden")

    process.app.include_router(process.router)
    return computed


async def test_the_second_answer_is_the_first_one(process: Process) -> None:
    computed = serve_things(process)
    first, second = [await process.get("/things/oak") for _ in range(2)]
    assert (x_cache(first), x_cache(second)) == ("MISS", "HIT")
    assert first.content == second.content == b'{"name":"oak"}'
    assert first.headers["content-type"] == second.headers["content-type"] == "application/json"
    assert first.headers["etag"] == second.headers["etag"]
    assert computed == ["oak"]
    assert process.count("requests_total", result="hit", cache="things") == 1
    assert process.count("requests_total", result="miss", cache="things") == 1
    assert process.count("fill_duration_seconds_count", cache="things") == 1


async def test_each_question_has_its_own_answer(process: Process) -> None:
    computed = serve_things(process)
    for path in ("/things/oak", "/things/pine", "/things/oak?a=1", "/things/oak?a=2", "/things/oak%3Fa=1"):
        assert x_cache(await process.get(path)) == "MISS"
    assert len(computed) == 5
    assert x_cache(await process.get("/things/o%61k?a=1")) == "HIT"


async def test_the_schema_is_that_of_the_endpoint(process: Process) -> None:
    serve_things(process)
    plain = FastAPI()

    @plain.get("/things/{name}")
    async def get_thing(name: str, x_language: Annotated[str, Header()] = "") -> Thing:
        return Thing(name=name + x_language)

    assert process.app.openapi() == plain.openapi()


async def test_other_processes_give_the_same_answer_with_the_same_tag(
    process: Process, start_process: StartProcess
) -> None:
    serve_things(process)
    other = await start_process()
    computed = serve_things(other)
    first, second = await process.get("/things/oak"), await other.get("/things/oak")
    assert x_cache(second) == "HIT"
    assert first.headers["etag"] == second.headers["etag"]
    assert computed == []


async def test_a_known_answer_is_not_sent_again_be_it_stored_or_new(process: Process) -> None:
    serve_things(process)
    tag = (await process.get("/things/oak")).headers["etag"]
    known = await process.get("/things/oak", if_none_match=f'"other", W/{tag}')
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    fresh = await process.get("/things/oak?x", if_none_match=tag)
    assert (fresh.status_code, x_cache(fresh)) == (304, "MISS")
    assert (await process.get("/things/oak", if_none_match='"other"')).status_code == 200


async def test_errors_are_not_kept(process: Process) -> None:
    answers = [HTTPException(404), JSONResponse({}, 404), JSONResponse({}, 500), Thing(name="oak")]

    @process.router.get("/things", response_model=Thing)
    @cached(name="things", expire=60)
    async def get_things() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    process.app.include_router(process.router)
    assert [(await process.get("/things")).status_code for _ in range(5)] == [404, 404, 500, 200, 200]


async def test_dependencies_run_before_an_answer_is_given(process: Process) -> None:
    seen: list[str] = []

    async def guard(x_name: Annotated[str, Header()]) -> None:
        seen.append(x_name)
        if x_name == "mallory":
            raise HTTPException(403)

    @process.router.get("/things", dependencies=[Depends(guard)])
    @cached(name="things", expire=60)
    async def get_things() -> Thing:
        return Thing(name="oak")

    process.app.include_router(process.router)
    statuses = [(await process.get("/things", x_name=name)).status_code for name in ("ada", "bob", "mallory")]
    assert statuses == [200, 200, 403]
    assert seen == ["ada", "bob", "mallory"]
    assert (await process.get("/things")).status_code == 422
    assert process.count("requests_total", result="hit", cache="things") == 1


async def test_an_answer_that_is_everybodys_can_be_given_before_dependencies_run(process: Process) -> None:
    seen: list[int] = []

    async def session() -> int:
        seen.append(1)
        return 1

    @process.router.get("/things")
    @cached(name="things", expire=60, before_dependencies=True)
    async def get_things(_session: Annotated[int, Depends(session)], limit: int = 1) -> Thing:
        return Thing(name=str(limit))

    process.app.include_router(process.router)
    assert [x_cache(await process.get("/things?limit=2")) for _ in range(2)] == ["MISS", "HIT"]
    assert seen == [1]
    assert [(await process.get("/things?limit=x")).status_code for _ in range(2)] == [422, 422]


async def test_declared_headers_choose_the_answer(process: Process) -> None:
    serve_things(process, vary=("x-language",))
    first = await process.get("/things/oak", x_language="en")
    assert first.headers["vary"] == "x-language"
    assert x_cache(await process.get("/things/oak", x_language="de")) == "MISS"
    assert x_cache(await process.get("/things/oak")) == "MISS"
    again = await process.get("/things/oak", x_language="en")
    assert (x_cache(again), again.json()) == ("HIT", {"name": "oaken"})


async def test_only_the_trusted_get_past_the_cache(process: Process) -> None:
    computed = serve_things(process)
    await process.get("/things/oak")
    assert x_cache(await process.get("/things/oak", cache_control="no-cache")) == "HIT"
    assert x_cache(await process.get("/things/oak", cache_control="no-store")) == "HIT"
    assert computed == ["oak"]
    assert x_cache(await process.get("/things/oak", cache_control="no-cache", x_trusted="yes")) == "BYPASS"
    assert computed == ["oak", "oak"]
    unseen = await process.get("/things/pine", cache_control="no-store", x_trusted="yes")
    assert unseen.json() == {"name": "pine"}
    assert x_cache(await process.get("/things/pine")) == "MISS"
    assert process.count("requests_total", result="bypass", cache="things") == 2


async def test_whoever_asks_for_a_new_answer_gets_it_for_all(process: Process) -> None:
    names = iter(["old", "new"])

    @process.router.get("/things")
    @cached(name="things", expire=60)
    async def get_things() -> Thing:
        return Thing(name=next(names))

    process.app.include_router(process.router)
    await process.get("/things")
    await process.get("/things", cache_control="no-cache", x_trusted="yes")
    again = await process.get("/things")
    assert (x_cache(again), again.json()) == ("HIT", {"name": "new"})


async def test_endless_queries_are_answered_and_not_kept(process: Process) -> None:
    computed = serve_things(process)
    for _ in range(2):
        assert (await process.get("/things/oak?x=" + "y" * 2000)).json() == {"name": "oak"}
    assert computed == ["oak", "oak"]


async def test_the_background_tasks_of_a_miss_run(process: Process) -> None:
    done: list[str] = []

    @process.router.get("/things")
    @cached(name="things", expire=60)
    async def get_things(behind: BackgroundTasks) -> Thing:
        behind.add_task(done.append, "yes")
        return Thing(name="oak")

    process.app.include_router(process.router)
    await process.get("/things")
    await process.get("/things")
    assert done == ["yes"]


async def test_headers_of_the_endpoint_are_part_of_the_answer(process: Process) -> None:
    @process.router.get("/things")
    @cached(name="things", expire=60)
    async def get_things(response: Response) -> Thing:
        response.headers["ETag"] = '"7"'
        response.headers["Link"] = "</other>; rel=next"
        return Thing(name="oak")

    process.app.include_router(process.router)
    for _ in range(2):
        answer = await process.get("/things")
        assert (answer.headers["etag"], answer.headers["link"]) == ('"7"', "</other>; rel=next")


async def test_another_form_of_the_answer_is_another_answer(
    process: Process, start_process: StartProcess
) -> None:
    serve_things(process)
    await process.get("/things/oak")
    newer = await start_process()

    class BiggerThing(Thing):
        size: int = 1

    @newer.router.get("/things/{name}")
    @cached(name="things", expire=60)
    async def get_thing(name: str) -> BiggerThing:
        return BiggerThing(name=name)

    newer.app.include_router(newer.router)
    assert (await newer.get("/things/oak")).json() == {"name": "oak", "size": 1}
    assert (await process.get("/things/oak")).json() == {"name": "oak"}


async def test_endpoints_under_the_stock_decorator_share_the_backend(process: Process, redis: Redis) -> None:
    computed: list[str] = []

    @process.app.get("/stock/{name}")
    @cache(expire=60, namespace="stock")
    async def get_stock(name: str) -> dict[str, str]:
        computed.append(name)
        return {"name": name}

    for name in ("oak", "oak", "pine"):
        assert (await process.get(f"/stock/{name}")).json() == {"name": name}
    assert computed == ["oak", "pine"]
    before = (await redis.info("commandstats")).get("cmdstat_keys")
    await FastAPICache.clear("stock")
    assert (await process.get("/stock/oak")).json() == {"name": "oak"}
    assert computed == ["oak", "pine", "oak"]
    assert (await redis.info("commandstats")).get("cmdstat_keys") == before


def test_an_endpoint_that_cannot_be_cached_is_refused() -> None:
    router = APIRouter(route_class=CachedRoute)

    @cached(name="things", expire=60)
    async def endpoint() -> Thing:
        return Thing(name="oak")

    @cached(name="things", expire=60)
    async def guarded(_token: Annotated[Any, Depends(HTTPBearer())]) -> Thing:
        return Thing(name="oak")

    with pytest.raises(MisconfiguredCache, match="only GET"):
        router.post("/things")(endpoint)
    with pytest.raises(MisconfiguredCache, match="scope='private'"):
        router.get("/guarded")(guarded)
    with pytest.raises(MisconfiguredCache, match="async def"):
        cached(name="things", expire=60)(lambda: None)  # type: ignore[arg-type,return-value]


async def test_a_router_that_does_not_cache_says_so(process: Process) -> None:
    @process.app.get("/things")
    @cached(name="things", expire=60)
    async def get_things() -> Thing:
        return Thing(name="oak")

    with pytest.raises(MisconfiguredCache, match="route_class=CachedRoute"):
        await get_things()
