"""Those who come all at once, each crowd for another reason."""

from uuid import uuid4

from locust import between, task

from dashboards.traffic.client import Client, Operator, dice

BARGAIN = 1
CHEAPEST, DEAREST = 1, 90
UNAVAILABLE = 503


class Searcher(Client):
    """Makes a slow spell: each search is another one, so that no cache has its answer."""

    weight = 32  # twice as many as those who come every day, whose weights make 16

    @task
    def search(self) -> None:
        price = f"{dice.uniform(CHEAPEST, DEAREST):.2f}"
        path = f"/products?q={dice.choice('aeiou')}&min_price={price}&limit=100"
        self.ask("GET", path, route="/products?q= (crowd)", right=(200, UNAVAILABLE))


class BargainHunter(Operator):
    """Makes a spell of errors: all want the same item, whose row lets one in at a time, until the pool is empty."""

    weight = 304  # nineteen times as many
    wait_time = between(0.2, 0.6)

    @task
    def take_one(self) -> None:
        self.write(
            "POST",
            f"/items/{BARGAIN}/adjust",
            route="/items/{item_id}/adjust (crowd)",
            json={"delta": dice.choice((-1, 1))},
            headers={"Idempotency-Key": str(uuid4())},
            right=(200, 409, UNAVAILABLE),
        )
