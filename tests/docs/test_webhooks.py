"""docs/webhooks.md, where it can be held to its word without running anything."""

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from hmac import digest
from pathlib import Path

from service.settings import Settings
from service.webhooks.delivery import KEPT, SCHEDULE
from service.webhooks.schemas import MAX_WEBHOOKS
from service.webhooks.targets import ANSWERING, FIRST_PAUSE, LONGEST_PAUSE
from tests.docs.pages import blocks_of, table_under

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
TEXT = PAGE.read_text()


def test_the_request_of_the_page_has_the_signature_that_the_page_explains() -> None:
    (request,) = (block.text for block in blocks_of(PAGE) if block.language == "http")
    head, _, body = request.partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    secrets = set(re.findall(r"whsec_([\w+/]+=)", TEXT))
    assert len(secrets) == 1
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.strip()}".encode()
    signature = b64encode(digest(b64decode(secrets.pop()), signed, sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{signature}"


def test_the_settings_of_the_page_are_those_there_are() -> None:
    fields = Settings.model_fields
    documented = {name.lower(): default for name, default, _ in table_under(PAGE, "For operators")}
    assert documented == {
        name: f"{fields[name].default:g}" if name.endswith("timeout") else str(fields[name].default).lower()
        for name in fields
        if name.startswith("webhook_")
    }


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    waits = [
        min(SCHEDULE.first_delay * 2.0**turn, SCHEDULE.max_delay) for turn in range(SCHEDULE.attempts - 1)
    ]
    hours = [round(sum(waits) * share / 3600) for share in (0.5, 1)]
    for sentence in (
        f"There are {SCHEDULE.attempts} attempts.",
        f"we wait {SCHEDULE.first_delay / 2:g} to {SCHEDULE.first_delay:g} s",
        f"up to {SCHEDULE.max_delay / 3600:g} hours: {hours[0]} to {hours[1]} hours in all",
        f"for {FIRST_PAUSE:g} s to {LONGEST_PAUSE / 60:g} minutes",
        f"up to {MAX_WEBHOOKS}.",
        f"kept for {KEPT.days} days",
    ):
        assert sentence in TEXT
    assert ANSWERING == 4
    assert "four requests at a time" in TEXT
