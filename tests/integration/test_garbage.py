"""A process that serves looks for garbage among what it has made since its start."""

import gc

from tests.integration.conftest import Api


async def test_what_was_there_at_the_start_is_left_out(api: Api) -> None:
    assert (await api.client.get("/healthz")).status_code == 200
    assert gc.get_freeze_count() > 0
