"""One seed from its first fault to the proof that nothing was lost."""

import asyncio
from collections import defaultdict
from time import monotonic
from typing import Any

import httpx2

from service.infra.tokens import Scope, Tokens
from tests.faults.clients import Clients, clients
from tests.faults.history import History, Window
from tests.faults.house import House
from tests.faults.promises import RECOVERY, Outcome
from tests.faults.schedule import APIS, Fault, schedule
from tests.faults.truth import settled
from tests.integration.conftest import SECRET
from tests.transport import FragileTransport

# How often in a row everything has to work; and how long the clients go on afterwards.
WELL = 3
AFTERWARDS = 1.0


async def subscribe(house: House) -> None:
    """Let somebody hear of each new product."""
    webhook = {"url": house.webhooks.url, "events": ["product.created"]}
    async with httpx2.AsyncClient(headers=_rights(), timeout=30, transport=FragileTransport()) as http:
        answer = await http.post(f"{house.urls[0]}/webhooks", json=webhook)
        assert answer.status_code == 201, answer.text


async def play(house: House, seed: int) -> Outcome:
    """Hurt the house as the seed says, while clients go on; heal it, and look what is left."""
    history = History()
    async with clients(seed, history, house.urls) as crowd, asyncio.TaskGroup() as group:
        for life in crowd.everybody():
            group.create_task(_live(life))
        recovered_in = await _through_faults(house, schedule(seed), crowd)
    return Outcome(history, await settled(house, seed), recovered_in, house.dead())


async def _live(life: Any) -> None:
    await life


async def _through_faults(house: House, faults: list[Fault], crowd: Clients) -> float:
    turns = defaultdict[str, asyncio.Lock](asyncio.Lock)
    try:
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                group.create_task(_inflict(house, fault, turns[fault.target], crowd.history))
        healed_at = monotonic()
        for name in APIS:
            await house.until_ready(name)
        await _until_well(crowd)
        recovered_in = monotonic() - healed_at
        await asyncio.sleep(AFTERWARDS)
    finally:
        crowd.over.set()
    return recovered_in


async def _inflict(house: House, fault: Fault, turn: asyncio.Lock, history: History) -> None:
    await asyncio.sleep(fault.at)
    # Who was killed may take longer to come back than the schedule knows.
    async with turn:
        began_at = monotonic()
        await house.hurt(fault)
        history.windows.append(Window(fault.target, began_at, monotonic()))


async def _until_well(crowd: Clients) -> None:
    """Until each API reads from the database, writes to it and gives a cached answer, several times in a row."""
    deadline = monotonic() + 3 * RECOVERY
    for url in crowd.urls:
        in_a_row = 0
        while in_a_row < WELL and monotonic() < deadline:
            in_a_row = in_a_row + 1 if await _is_well(crowd.http, url) else 0
            await asyncio.sleep(0.05)


async def _is_well(http: httpx2.AsyncClient, url: str) -> bool:
    product = {"name": "Probe", "description": "-", "category": "probe", "price": "0"}
    try:
        written = await http.post(f"{url}/products", json=product)
        if written.status_code != 201:
            return False
        path = f"{url}/products/{written.json()['id']}"
        reads = [await http.get(path) for _ in range(2)]
    except httpx2.TransportError:
        return False
    return [read.status_code for read in reads] == [200, 200] and reads[1].headers["x-cache"] == "HIT"


def _rights() -> dict[str, str]:
    return {"Authorization": f"Bearer {Tokens(SECRET, lifetime=3600).issue(1, Scope)}"}
