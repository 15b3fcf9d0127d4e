"""The sample catalogue in a real database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from service.infra.tokens import Scope
from service.preparation import seed
from service.sample.loader import Loaded, load
from service.settings import DatabaseSettings
from tests.integration.conftest import Api, new_database
from tests.servers import Servers

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
async def reports(database_url: str) -> list[tuple[str, int, int]]:
    """What was said while 200 products were loaded."""
    said: list[tuple[str, int, int]] = []
    url = DatabaseSettings(database_url=database_url).database_url
    loaded = await seed(url, password=PASSWORD, products=200, progress=lambda *report: said.append(report))
    assert loaded == Loaded(products=200, items=600, users=3)
    return said


@pytest.fixture
def own_database_url(servers: Servers) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    with new_database(servers, template="template1") as url:
        yield url


@pytest.fixture
async def empty_catalogue(own_database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(own_database_url)
    yield connection
    await connection.close()


@pytest.mark.usefixtures("reports")
async def test_products_and_items_can_be_read_through_the_api(api: Api) -> None:
    first = (await api.client.get("/products", params={"limit": 100})).json()
    assert [product["id"] for product in first["products"]] == list(range(1, 101))
    items = [(await api.client.get(f"/items/{number}")).json() for number in (1, 600)]
    assert [item["product_id"] for item in items] == [1, 200]


@pytest.mark.usefixtures("reports")
@pytest.mark.parametrize(
    ("email", "scopes"),
    [("reader@", set()), ("editor@", {Scope.CATALOGUE_WRITE}), ("operator@", set(Scope))],
)
async def test_sample_users_can_sign_in_with_their_scopes(api: Api, email: str, scopes: set[str]) -> None:
    form = {"grant_type": "password", "username": f"{email}example.com", "password": PASSWORD}
    answer = await api.client.post("/token", data=form)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()["scope"].split()) == scopes


@pytest.mark.usefixtures("reports")
async def test_what_is_created_afterwards_gets_the_next_ids(api: Api) -> None:
    product = await api.create_product()
    item = await api.create_item(product["id"])
    assert product["id"] > 200
    assert item["id"] > 600


@pytest.mark.usefixtures("reports")
async def test_the_planner_knows_the_tables(postgres: asyncpg.Connection) -> None:
    rows = await postgres.fetch("SELECT relname, reltuples FROM pg_class WHERE relname = ANY($1)", ["items"])
    assert [(row["relname"], int(row["reltuples"])) for row in rows] == [("items", 600)]


def test_progress_is_reported_about_twenty_times_a_table(reports: list[tuple[str, int, int]]) -> None:
    assert [report for report in reports if report[0] == "products"] == [
        ("products", done, 200) for done in range(10, 201, 10)
    ]
    assert reports[-1] == ("users", 3, 3)


@pytest.mark.usefixtures("reports")
async def test_a_catalogue_with_products_is_left_alone(postgres: asyncpg.Connection) -> None:
    before = await postgres.fetchval("SELECT count(*) FROM products")
    assert (await load(postgres, password_hash="x", products=10)).is_nothing
    assert await postgres.fetchval("SELECT count(*) FROM products") == before


async def test_a_load_that_fails_leaves_nothing(empty_catalogue: Any) -> None:
    class Gone(Exception): ...

    def fail(table: str, _done: int, _total: int) -> None:
        if table == "items":
            raise Gone

    with pytest.raises(Gone):
        await load(empty_catalogue, password_hash="x", products=20, progress=fail)
    assert await empty_catalogue.fetchval("SELECT count(*) FROM products") == 0
    assert (await load(empty_catalogue, password_hash="x", products=20)).products == 20


async def test_of_two_that_seed_together_one_does_the_work(own_database_url: str) -> None:
    url = DatabaseSettings(database_url=own_database_url).database_url

    async def fill() -> Loaded:
        return await seed(url, password=PASSWORD, products=20, progress=lambda *_report: None)

    loaded = await asyncio.gather(fill(), fill())
    assert sorted(each.products for each in loaded) == [0, 20]


async def test_a_user_who_is_there_already_keeps_everything(empty_catalogue: Any) -> None:
    await empty_catalogue.execute(
        "INSERT INTO users (email, name, password_hash) VALUES ('editor@example.com', 'Own', 'own')"
    )
    assert (await load(empty_catalogue, password_hash="x", products=1)).users == 2
    own = await empty_catalogue.fetchrow("SELECT name, password_hash, scopes FROM users WHERE name = 'Own'")
    assert tuple(own) == ("Own", "own", [])
