"""Images of every kind, uploaded to the API and processed by `python -m service worker`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.infra.embedded.ports import free_port
from service.settings import Settings
from tests.instances import Instance
from tests.integration.conftest import Api
from tests.integration.jobs.conftest import until
from tests.unit.service.images.pictures import encoded, endless_text_png, huge_png, picture

GOOD = encoded(picture(), "PNG")


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator[Instance]:
    port = free_port()
    worker = Instance(
        tmp_path,
        "worker",
        port=port,
        settings={
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "TOKEN_SECRET": settings.token_secret.get_secret_value(),
            "SMTP_URL": f"smtp://127.0.0.1:{free_port()}",
            "WORKER_METRICS_PORT": str(port),
        },
    )
    yield worker
    worker.stop()


async def upload(api: Api, content: bytes) -> int:
    product_id = int((await api.create_product())["id"])
    headers = api.as_writer(**{"Content-Type": "image/png"})
    answer = await api.client.put(f"/products/{product_id}/image", content=content, headers=headers)
    assert answer.status_code == 202, answer.text
    return product_id


async def decided(api: Api, product_id: int) -> dict[str, Any]:
    """The image when it is not pending any more."""

    async def image() -> dict[str, Any]:
        found: dict[str, Any] = (await api.client.get(f"/products/{product_id}/image")).json()
        return found

    async def is_decided() -> bool:
        return bool((await image())["state"] != "pending")

    await until(is_decided)
    return await image()


async def test_a_worker_makes_thumbnails_and_survives_what_it_is_sent(api: Api, worker: Instance) -> None:
    bad = {
        "more than 50,000,000 pixels": huge_png(40_000, 40_000),
        "damaged": endless_text_png(),
        "cannot be read": encoded(picture(), "GIF"),
    }
    uploads = {await upload(api, content): reason for reason, content in bad.items()}
    for product_id, reason in uploads.items():
        image = await decided(api, product_id)
        assert image["state"] == "failed"
        assert reason in image["reason"]
    product_id = await upload(api, GOOD)
    assert (await decided(api, product_id))["state"] == "ready"
    for size in (128, 320, 640):
        thumbnail = await api.client.get(f"/products/{product_id}/image/{size}")
        assert (thumbnail.status_code, thumbnail.content[8:12]) == (200, b"WEBP")
    assert worker.errors == ""
