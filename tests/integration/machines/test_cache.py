"""The cached catalogue against a model: whoever reads after a write sees it, on every process, whatever Valkey has lost."""

from decimal import Decimal
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from service.infra.cache.lifecycle import PREFIX
from tests.integration.machines.conftest import World
from tests.integration.problems import problem

PROCESS = st.sampled_from((0, 1))
NAME = st.sampled_from(("Oak board", "Elm bowl", "Oak bowl"))
CATEGORY = st.sampled_from(("kitchen", "garden"))
PRICE = st.sampled_from(("1", "5.50", "20"))
CHANGE = st.fixed_dictionaries({}, optional={"name": NAME, "category": CATEGORY, "price": PRICE}).filter(bool)
QUERY = st.fixed_dictionaries(
    {"limit": st.sampled_from((1, 2, 50)), "category": CATEGORY},
    optional={"min_price": PRICE, "q": st.sampled_from(("oak", "bowl"))},
)

Fields: TypeAlias = dict[str, Any]


class Catalogue(RuleBasedStateMachine):
    """Two processes write and read the same products."""

    products = Bundle("products")

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.history = world.begin()
        self.fields: dict[int, Fields] = {}
        self.headers = world.apis[0].as_writer()

    @rule(target=products, process=PROCESS, name=NAME, category=CATEGORY, price=PRICE)
    def create(self, process: int, name: str, category: str, price: str) -> int:
        product = self.sent({"name": name, "category": category, "price": price, "description": "Of wood."})
        created = self.ask(process, "POST", "/products", json=product)
        assert created.status_code == 201, created.text
        product_id: int = created.json()["id"]
        self.fields[product_id] = {**product, "version": 1}
        return product_id

    @rule(process=PROCESS, product=products, change=CHANGE, lag=st.sampled_from((None, 0, 1)))
    def change(self, process: int, product: int, change: Fields, lag: int | None) -> None:
        """With `lag`, if the product still has the version of so many changes ago."""
        known = self.fields[product]
        headers = {} if lag is None else {"If-Match": f'"{known["version"] - lag}"'}
        path = f"/products/{product}"
        answer = self.ask(process, "PATCH", path, json=self.sent(change), headers=headers)
        if lag:
            problem(answer, 412, "header.If-Match")
            return
        known.update(self.sent(change))
        known["version"] = answer.json()["version"]
        assert (answer.status_code, answer.headers["etag"]) == (200, f'"{known["version"]}"')

    @rule(process=PROCESS, product=consumes(products))
    def delete(self, process: int, product: int) -> None:
        assert self.ask(process, "DELETE", f"/products/{product}").status_code == 204
        del self.fields[product]
        for each in (0, 1):
            problem(self.world.ask(each, "GET", f"/products/{product}"), 404, "path.product_id")

    @rule(process=PROCESS, product=products)
    def read(self, process: int, product: int) -> None:
        answer = self.world.ask(process, "GET", f"/products/{product}")
        assert answer.status_code == 200
        self.is_known(answer.json())

    @rule(process=PROCESS, query=QUERY)
    def search(self, process: int, query: Fields) -> None:
        self.read_all_pages(process, query)

    def read_all_pages(self, process: int, query: Fields) -> None:
        query = self.sent(query)
        shown: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            question = query | ({"cursor": cursor} if cursor else {})
            answer = self.world.ask(process, "GET", "/products", params=question)
            assert answer.status_code == 200, answer.text
            for product in answer.json()["products"]:
                self.is_known(product)
                shown.append(product["id"])
            cursor = answer.json()["next_cursor"]
        assert shown == [product_id for product_id in sorted(self.fields) if self.answers(product_id, query)]

    @rule(what=st.sampled_from(((), (f"{PREFIX}:journal",))))
    def lose(self, what: tuple[str, ...]) -> None:
        self.world.forget(*what)

    @invariant()
    def pages_that_were_read_before_are_right(self) -> None:
        for process, category in enumerate(("kitchen", "garden")):
            self.read_all_pages(process, {"limit": 50, "category": category})

    def answers(self, product_id: int, query: Fields) -> bool:
        """Whether the product is what was asked for."""
        known = self.fields[product_id]
        return (
            known["category"] == query["category"]
            and Decimal(known["price"]) >= Decimal(query.get("min_price", 0))
            and query.get("q", "") in [*known["name"].lower().split(), ""]
        )

    def is_known(self, product: Fields) -> None:
        known = self.fields[product["id"]]
        assert {name: product[name] for name in known if name != "price"} | {"price": known["price"]} == known
        assert Decimal(product["price"]) == Decimal(known["price"])

    def sent(self, fields: Fields) -> Fields:
        """With categories of this history alone."""
        if "category" not in fields:
            return fields
        return fields | {"category": f"{fields['category']}-{self.history}"}

    def ask(self, process: int, method: str, path: str, **request: Any) -> Any:
        headers = self.headers | request.pop("headers", {})
        return self.world.ask(process, method, path, headers=headers, **request)


def test_what_is_read_is_what_was_written(world: World) -> None:
    world.explore(lambda: Catalogue(world), histories=20)
    assert set(world.statuses) >= {200, 201, 204, 404, 412}
    assert set(world.looks) >= {"HIT", "MISS"}
