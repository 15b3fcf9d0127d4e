"""Processes look for garbage among what they have made since their start."""

import asyncio
import gc
import os
import signal

from service.infra.embedded.ports import free_port
from service.settings import Settings
from service.working import work
from tests.integration.conftest import serving
from tests.unit.observability.server import until


async def test_an_api_leaves_out_what_was_there_at_its_start(settings: Settings) -> None:
    assert gc.get_freeze_count() == 0
    async with serving(settings):
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0


async def test_so_does_a_worker_until_it_ends(settings: Settings) -> None:
    chosen = settings.model_copy(
        update={"smtp_url": "smtp://127.0.0.1:1", "worker_metrics_port": free_port()}
    )
    assert gc.get_freeze_count() == 0
    working = asyncio.create_task(work(chosen, started=lambda: None))
    await until(lambda: gc.get_freeze_count() > 0)
    os.kill(os.getpid(), signal.SIGTERM)
    await working
    assert gc.get_freeze_count() == 0
