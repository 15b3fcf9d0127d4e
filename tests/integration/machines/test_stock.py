"""Stock and idempotency keys against a model: a dictionary of quantities, and one of answers."""

from typing import Any

import httpx2
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from service.items.schemas import MAX_DELTA, MAX_QUANTITY
from tests.integration.machines.conftest import World
from tests.integration.problems import problem

PROCESS = st.sampled_from((0, 1))
DELTA = st.sampled_from((-MAX_DELTA, -3, -1, 1, 2, MAX_DELTA))
KEY = "Idempotency-Key"
IN_FLIGHT, OUT_OF_BOUNDS, NOT_FOUND = (
    f"urn:glasshouse:problem:{slug}"
    for slug in ("request-in-flight", "stock-out-of-bounds", "item-not-found")
)


class Stock(RuleBasedStateMachine):
    """Two callers change the same items by two processes, with and without keys."""

    items = Bundle("items")

    def __init__(self, world: World, callers: list[int]) -> None:
        super().__init__()
        self.world, self.callers = world, callers
        self.history = world.begin()
        self.api = world.apis[0]
        self.product = world.run(self.api.create_product())["id"]
        self.quantities: dict[int, int] = {}
        self.kept: dict[tuple[int, str], tuple[int, int, Any]] = {}

    @rule(target=items, process=PROCESS, quantity=st.sampled_from((0, 1, 10, MAX_QUANTITY)))
    def create(self, process: int, quantity: int) -> int:
        sku = f"H{self.history}-{len(self.quantities)}"
        item = {"product_id": self.product, "sku": sku, "warehouse": "AMS-1", "quantity": quantity}
        created = self.ask(process, "/items", json=item)
        assert created.status_code == 201, created.text
        problem(self.ask(1 - process, "/items", json=item), 409, "body.sku")
        item_id: int = created.json()["id"]
        self.quantities[item_id] = quantity
        return item_id

    @rule(process=PROCESS, item=items, delta=DELTA)
    def adjust(self, process: int, item: int, delta: int) -> None:
        self.is_adjusted(self.ask(process, f"/items/{item}/adjust", json={"delta": delta}), item, delta)

    @rule(
        process=PROCESS, item=items, delta=DELTA, caller=st.sampled_from((0, 1)), name=st.sampled_from("ab")
    )
    def adjust_once(self, process: int, item: int, delta: int, caller: int, name: str) -> None:
        (answer,) = self.with_key([process], item, delta, caller, name)
        given = self.kept.get((caller, name))
        if given is None:
            if self.is_adjusted(answer, item, delta):
                self.kept[caller, name] = item, delta, answer.json()
        elif given[:2] == (item, delta):
            assert (answer.status_code, answer.json()) == (200, given[2])
            assert answer.headers["idempotent-replayed"] == "true"
        else:
            problem(answer, 422, f"header.{KEY}")

    @rule(item=items, delta=DELTA, caller=st.sampled_from((0, 1)), times=st.integers(2, 5))
    def adjust_once_at_once(self, item: int, delta: int, caller: int, times: int) -> None:
        name = f"once-{len(self.kept)}-{self.world.statuses.total()}"
        answers = self.with_key([0] * times, item, delta, caller, name)
        done = [answer for answer in answers if answer.status_code == 200]
        assert bool(done) == self.is_possible(item, delta)
        # Of those that are refused, some are told that another is under way.
        refusals = {answer.json()["type"] for answer in answers if answer not in done}
        assert refusals <= {IN_FLIGHT, OUT_OF_BOUNDS if item in self.quantities else NOT_FOUND}
        if done:
            assert OUT_OF_BOUNDS not in refusals
            assert all(answer.json() == done[0].json() for answer in done)
            assert sum("idempotent-replayed" not in answer.headers for answer in done) == 1
            self.quantities[item] += delta
            self.kept[caller, name] = item, delta, done[0].json()

    @rule(item=items, deltas=st.lists(DELTA, min_size=2, max_size=6))
    def adjust_at_once(self, item: int, deltas: list[int]) -> None:
        requests = [{"json": {"delta": delta}, "headers": self.headers(0)} for delta in deltas]
        answers = self.world.ask_at_once("POST", f"/items/{item}/adjust", requests)
        assert {answer.status_code for answer in answers} <= {200, 404, 409}
        done = [delta for delta, answer in zip(deltas, answers, strict=True) if answer.status_code == 200]
        if item in self.quantities:
            self.quantities[item] += sum(done)
            assert 0 <= self.quantities[item] <= MAX_QUANTITY
        else:
            assert not done

    @rule(process=PROCESS, dice=st.integers(0, 9))
    def delete_the_product(self, process: int, dice: int) -> None:
        if dice:
            return
        path = f"/products/{self.product}"
        gone = self.world.ask(process, "DELETE", path, headers=self.headers(0))
        assert gone.status_code == 204
        self.product = self.world.run(self.api.create_product())["id"]
        self.quantities.clear()

    @invariant()
    def the_stock_is_as_it_should_be(self) -> None:
        listed = self.world.ask(0, "GET", "/items", params={"product_id": self.product, "limit": 100}).json()
        assert {item["id"]: item["quantity"] for item in listed["items"]} == self.quantities

    def is_possible(self, item: int, delta: int) -> bool:
        return item in self.quantities and 0 <= self.quantities[item] + delta <= MAX_QUANTITY

    def is_adjusted(self, answer: httpx2.Response, item: int, delta: int) -> bool:
        """Whether the change was made, as it was if it could be."""
        if item not in self.quantities:
            problem(answer, 404, "path.item_id")
            return False
        if not self.is_possible(item, delta):
            problem(answer, 409, "body.delta")
            return False
        self.quantities[item] += delta
        assert (answer.status_code, answer.json()["quantity"]) == (200, self.quantities[item])
        return True

    def headers(self, caller: int) -> dict[str, str]:
        return self.api.headers("stock:write", "catalogue:write", user_id=self.callers[caller])

    def ask(self, process: int, path: str, **request: Any) -> httpx2.Response:
        return self.world.ask(process, "POST", path, headers=self.headers(0), **request)

    def with_key(
        self, processes: list[int], item: int, delta: int, caller: int, name: str
    ) -> list[httpx2.Response]:
        headers = self.headers(caller) | {KEY: f"{self.history}-{name}"}
        request = {"json": {"delta": delta}, "headers": headers}
        if len(processes) == 1:
            return [self.world.ask(processes[0], "POST", f"/items/{item}/adjust", **request)]
        return self.world.ask_at_once("POST", f"/items/{item}/adjust", [request] * len(processes))


def test_stock_and_keys_are_as_a_model_of_them(world: World) -> None:
    account = {"password": "long passphrase", "name": "Ada"}
    accounts = [
        world.ask(0, "POST", "/register", json={**account, "email": f"{name}@example.com"}).json()
        for name in ("ada", "bob")
    ]
    callers = [account["id"] for account in accounts]
    world.explore(lambda: Stock(world, callers), histories=20)
    assert set(world.statuses) >= {200, 201, 204, 404, 409, 422}
