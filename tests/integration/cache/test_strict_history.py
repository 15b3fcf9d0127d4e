"""While all is well and nothing is kept in memory, whoever reads after a write sees it."""

import asyncio
import random
from collections import defaultdict

from service.infra.tokens import Scope
from tests.integration.conftest import Api

WRITES = 25
READERS = 8


async def test_no_read_on_any_process_misses_a_write_that_was_answered_before_it(
    apis: tuple[Api, Api],
) -> None:
    random.seed(3)
    ids = [(await apis[0].create_product(price="0"))["id"] for _ in range(3)]
    acknowledged: defaultdict[int, int] = defaultdict(int)
    missed: list[tuple[int, int, int]] = []
    results: set[str] = set()
    writing = asyncio.create_task(write_all(apis, ids, acknowledged))

    async def read() -> None:
        while not writing.done():
            known = dict(acknowledged)
            product_id = random.choice([*ids, 0])
            path = f"/products/{product_id}" if product_id else "/products?limit=100"
            answer = await random.choice(apis).client.get(path)
            results.add(answer.headers["x-cache"])
            for product in answer.json()["products"] if not product_id else [answer.json()]:
                revision, expected = int(float(product["price"])), known.get(product["id"], 0)
                if revision < expected:
                    missed.append((product["id"], expected, revision))

    await asyncio.gather(writing, *(read() for _ in range(READERS)))
    assert not missed
    assert results >= {"HIT", "MISS"}


async def write_all(apis: tuple[Api, Api], ids: list[int], acknowledged: dict[int, int]) -> None:
    async def write(product_id: int) -> None:
        for revision in range(1, WRITES + 1):
            api = random.choice(apis)
            answer = await api.client.patch(
                f"/products/{product_id}",
                json={"price": str(revision)},
                headers=api.headers(Scope.CATALOGUE_WRITE),
            )
            assert answer.status_code == 200, answer.text
            acknowledged[product_id] = revision
            await asyncio.sleep(0.01)

    await asyncio.gather(*map(write, ids))
