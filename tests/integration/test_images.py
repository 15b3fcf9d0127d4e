import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from io import BytesIO
from typing import Any

import asyncpg
import pytest
import structlog
from httpx2 import Response
from PIL import Image
from starlette.types import Message

from service.images import jobs as jobs_of_images
from service.images import service as use_cases
from service.images.jobs import MakeThumbnails, Thumbnails
from service.images.repository import ImageRepository
from service.images.sandbox import UnusableImage
from service.infra.database import Database
from service.infra.jobs.handlers import JobContext
from service.infra.tokens import Scope
from service.settings import Settings
from tests.integration.conftest import Api
from tests.integration.problems import problem
from tests.unit.observability.server import http_scope
from tests.unit.service.images.pictures import encoded, huge_png, picture

PNG = encoded(picture(900, 450), "PNG")
OTHER_PNG = encoded(picture(300, 300), "PNG")
MEBIBYTE = 1024 * 1024

RunJobs = Callable[[], Awaitable[None]]


async def put(
    api: Api, product_id: int, content: Any = PNG, media_type: str = "image/png", **headers: str
) -> Response:
    headers = {**api.headers(Scope.CATALOGUE_WRITE), "Content-Type": media_type, **headers}
    return await api.client.put(f"/products/{product_id}/image", content=content, headers=headers)


async def state(api: Api, product_id: int) -> dict[str, Any]:
    answer = await api.client.get(f"/products/{product_id}/image")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    image: dict[str, Any] = answer.json()
    return image


async def thumbnail(api: Api, product_id: int, size: object = 128, **headers: str) -> Response:
    return await api.client.get(f"/products/{product_id}/image/{size}", headers=headers)


async def queued(postgres: asyncpg.Connection) -> list[MakeThumbnails]:
    """The jobs that wait, oldest first; they are taken."""
    rows = await postgres.fetch(
        "WITH taken AS (DELETE FROM pgqueuer WHERE entrypoint = $1 RETURNING id, payload) "
        "SELECT payload FROM taken ORDER BY id",
        MakeThumbnails.name,
    )
    return [MakeThumbnails.model_validate_json(row["payload"]) for row in rows]


async def run(settings: Settings, jobs: Iterable[MakeThumbnails]) -> None:
    database = Database(settings)
    try:
        for job in jobs:
            await Thumbnails(database, ImageRepository(database)).make(job, JobContext(1, 1, 1, {}))
    finally:
        await database.close()


@pytest.fixture
async def run_jobs(settings: Settings, postgres: asyncpg.Connection) -> RunJobs:
    """Runs what was enqueued since the test began."""
    await queued(postgres)

    async def run_jobs() -> None:
        await run(settings, await queued(postgres))

    return run_jobs


async def test_an_image_is_accepted_and_its_thumbnails_are_made_behind(api: Api, run_jobs: RunJobs) -> None:
    product_id = (await api.create_product())["id"]
    answer = await put(api, product_id)
    assert (answer.status_code, answer.headers["location"]) == (202, f"/products/{product_id}/image")
    image = answer.json()
    assert image | {"product_id": product_id, "revision": 1, "state": "pending", "reason": None} == image
    assert await state(api, product_id) == image
    problem(await thumbnail(api, product_id), 404, "path.product_id")
    await run_jobs()
    assert await state(api, product_id) == image | {"state": "ready"}
    for size, box in {128: (128, 64), 320: (320, 160), 640: (640, 320)}.items():
        made = await thumbnail(api, product_id, size)
        assert (made.status_code, made.headers["content-type"]) == (200, "image/webp")
        assert Image.open(BytesIO(made.content)).size == box


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
async def test_every_kind_that_is_taken_has_thumbnails(api: Api, run_jobs: RunJobs, form: str) -> None:
    product_id = (await api.create_product())["id"]
    media_type = f"Image/{form.capitalize()}; charset=binary"
    assert (await put(api, product_id, encoded(picture(), form), media_type)).status_code == 202
    await run_jobs()
    assert (await state(api, product_id))["state"] == "ready"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (huge_png(30_000, 30_000), "It has more than 50,000,000 pixels"),
        (PNG[: len(PNG) // 2], "It is damaged: it cannot be decoded to its end"),
        (encoded(picture(), "GIF"), "It was sent as PNG, but cannot be read as that"),
        (b"no image", "It was sent as PNG, but cannot be read as that"),
    ],
    ids=["bomb", "truncated", "mislabelled", "nonsense"],
)
async def test_what_cannot_have_thumbnails_says_why_until_it_is_replaced(
    api: Api, run_jobs: RunJobs, content: bytes, reason: str
) -> None:
    product_id = (await api.create_product())["id"]
    assert (await put(api, product_id, content)).status_code == 202
    await run_jobs()
    image = await state(api, product_id)
    assert (image["state"], image["reason"]) == ("failed", reason)
    problem(await thumbnail(api, product_id), 404, "path.product_id")
    assert (await put(api, product_id)).json()["reason"] is None
    await run_jobs()
    image = await state(api, product_id)
    assert (image["state"], image["reason"], image["revision"]) == ("ready", None, 2)


async def test_the_thumbnails_of_a_replaced_image_are_gone_at_once(api: Api, run_jobs: RunJobs) -> None:
    product_id = (await api.create_product())["id"]
    await put(api, product_id)
    await run_jobs()
    assert (await thumbnail(api, product_id)).status_code == 200
    await put(api, product_id, OTHER_PNG)
    assert (await state(api, product_id))["state"] == "pending"
    answer = await thumbnail(api, product_id)
    problem(answer, 404, "path.product_id")
    assert answer.headers["cache-control"] == "no-store"
    await run_jobs()
    assert Image.open(BytesIO((await thumbnail(api, product_id)).content)).size == (128, 128)


@pytest.mark.parametrize("ends_well", [True, False])
@pytest.mark.parametrize("newer_is_first", [True, False])
async def test_an_image_that_was_replaced_while_it_was_read_never_wins(
    api: Api,
    settings: Settings,
    postgres: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    *,
    ends_well: bool,
    newer_is_first: bool,
) -> None:
    is_read, may_end = asyncio.Event(), asyncio.Event()

    async def slow(*_: object) -> Mapping[int, bytes]:
        is_read.set()
        await may_end.wait()
        if not ends_well:
            reason = "of old"
            raise UnusableImage(reason)
        return {128: b"old"}

    product_id = (await api.create_product())["id"]
    await put(api, product_id)
    jobs = await queued(postgres)
    with monkeypatch.context() as patches:
        patches.setattr(jobs_of_images, "thumbnails", slow)
        older = asyncio.create_task(run(settings, jobs))
        await is_read.wait()
    await put(api, product_id, OTHER_PNG)
    newer = await queued(postgres)
    if newer_is_first:
        await run(settings, newer)
        may_end.set()
        await older
    else:
        may_end.set()
        await older
        assert (await state(api, product_id))["state"] == "pending"
        problem(await thumbnail(api, product_id), 404, "path.product_id")
        await run(settings, newer)
    assert (await state(api, product_id))["state"] == "ready"
    assert Image.open(BytesIO((await thumbnail(api, product_id)).content)).size == (128, 128)


async def test_a_job_may_run_again(api: Api, settings: Settings, postgres: asyncpg.Connection) -> None:
    product_id = (await api.create_product())["id"]
    await put(api, product_id)
    jobs = await queued(postgres)
    await asyncio.gather(*(run(settings, jobs) for _ in range(2)))
    await run(settings, jobs)
    assert (await state(api, product_id))["state"] == "ready"


async def test_a_deleted_product_has_no_image_and_its_job_nothing_to_do(
    api: Api, settings: Settings, postgres: asyncpg.Connection
) -> None:
    gone, going = [(await api.create_product())["id"] for _ in range(2)]
    await put(api, gone)
    await run(settings, await queued(postgres))
    await put(api, going)
    for product_id in (gone, going):
        await api.client.delete(f"/products/{product_id}", headers=api.as_writer())
        problem(await api.client.get(f"/products/{product_id}/image"), 404, "path.product_id")
        problem(await thumbnail(api, product_id), 404, "path.product_id")
    await run(settings, await queued(postgres))
    for table in ("product_images", "product_thumbnails"):
        count = f"SELECT count(*) FROM {table} WHERE product_id = ANY($1)"  # noqa: S608 (our own tables)
        assert await postgres.fetchval(count, [gone, going]) == 0


async def test_an_image_and_its_job_exist_together_or_not_at_all(
    api: Api, postgres: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        message = "no queue"
        raise RuntimeError(message)

    product_id = (await api.create_product())["id"]
    await put(api, product_id)
    with monkeypatch.context() as patches:
        patches.setattr(use_cases, "enqueue", fail)
        assert (await put(api, product_id, OTHER_PNG)).status_code == 500
    assert (await state(api, product_id))["revision"] == 1
    problem(await put(api, 2**40), 404, "path.product_id")
    assert await queued(postgres) == [MakeThumbnails(product_id=product_id, revision=1)]


async def test_only_those_who_may_change_the_catalogue_give_images(api: Api) -> None:
    product_id = (await api.create_product())["id"]
    path = f"/products/{product_id}/image"
    headers = {"Content-Type": "image/png"}
    problem(await api.client.put(path, content=PNG, headers=headers), 401, "header.Authorization")
    others = api.headers(Scope.STOCK_WRITE, Scope.WEBHOOKS_MANAGE)
    problem(await api.client.put(path, content=PNG, headers=headers | others), 403, "header.Authorization")
    problem(await api.client.get(path), 404, "path.product_id")


async def in_pieces(size: int, piece: int = 65_536) -> AsyncIterator[bytes]:
    for _ in range(0, size, piece):
        yield b"\0" * piece


async def watched(reads: list[bytes]) -> AsyncIterator[bytes]:
    reads.append(PNG)
    yield PNG


async def test_a_body_that_will_not_be_taken_is_not_read(api: Api) -> None:
    product_id = (await api.create_product())["id"]
    reads: list[bytes] = []
    path, headers = f"/products/{product_id}/image", {"Content-Type": "image/png"}
    problem(await api.client.put(path, content=watched(reads), headers=headers), 401, "header.Authorization")
    problem(await put(api, product_id, watched(reads), "image/gif"), 415, "header.Content-Type")
    assert reads == []
    await put(api, product_id, watched(reads))
    assert reads == [PNG]


@pytest.mark.parametrize("media_type", ["image/gif", "image/svg+xml", "application/octet-stream", "png", ""])
async def test_other_kinds_of_content_are_refused_with_those_that_are_taken(
    api: Api, media_type: str
) -> None:
    product_id = (await api.create_product())["id"]
    answer = await put(api, product_id, PNG, media_type)
    assert "image/jpeg, image/png, image/webp" in problem(answer, 415, "header.Content-Type")["detail"]


async def test_nothing_is_no_image(api: Api) -> None:
    product_id = (await api.create_product())["id"]
    problem(await put(api, product_id, b""), 422, "body.image")


async def test_a_client_that_leaves_while_it_sends_is_no_fault_of_ours(
    api: Api, events: list[structlog.typing.EventDict], caplog: pytest.LogCaptureFixture
) -> None:
    product_id = (await api.create_product())["id"]
    headers = api.as_writer(**{"Content-Type": "image/png"})
    parts: list[Message] = [
        {"type": "http.request", "body": PNG[:100], "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return parts.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    path = f"/products/{product_id}/image"
    await api.app(
        http_scope(path, "PUT", [(n.lower().encode(), v.encode()) for n, v in headers.items()]), receive, send
    )
    assert sent[0]["status"] == 400
    assert not events
    assert not caplog.records
    problem(await api.client.get(path), 404, "path.product_id")


@pytest.mark.parametrize("is_declared", [True, False])
async def test_eight_mebibytes_are_taken_and_no_more(api: Api, *, is_declared: bool) -> None:
    product_id = (await api.create_product())["id"]
    largest = 8 * MEBIBYTE
    content: Any = b"\0" * (largest + 1) if is_declared else in_pieces(largest + 1)
    answer = await put(api, product_id, content)
    assert "8,388,608 bytes" in problem(answer, 413, "body")["detail"]
    problem(await api.client.get(f"/products/{product_id}/image"), 404, "path.product_id")
    content = b"\0" * largest if is_declared else in_pieces(largest)
    assert (await put(api, product_id, content)).status_code == 202


async def test_a_thumbnail_that_the_client_has_is_not_sent_again(api: Api, run_jobs: RunJobs) -> None:
    product_id = (await api.create_product())["id"]
    await put(api, product_id)
    await run_jobs()
    first = await thumbnail(api, product_id)
    etag = first.headers["etag"]
    assert etag.startswith('"')
    for known in (etag, "*", f'"other", {etag}', f"W/{etag}"):
        again = await thumbnail(api, product_id, **{"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == first.headers["cache-control"] == "public, max-age=60"
    for unknown in ('"other"', "", etag.strip('"')):
        assert (await thumbnail(api, product_id, **{"If-None-Match": unknown})).status_code == 200
    assert (await thumbnail(api, product_id, 320)).headers["etag"] != etag


async def test_an_entity_tag_stands_for_the_bytes(api: Api, run_jobs: RunJobs) -> None:
    product_id = (await api.create_product())["id"]
    etags = []
    for content in (PNG, OTHER_PNG, PNG):
        await put(api, product_id, content)
        await run_jobs()
        etags.append((await thumbnail(api, product_id)).headers["etag"])
    assert etags[0] == etags[2] != etags[1]


@pytest.mark.parametrize("size", ["64", "0", "-128", "large", "128.5"])
async def test_there_are_three_sizes(api: Api, size: str) -> None:
    problem(await thumbnail(api, 1, size), 422, "path.size")
