"""Subscriptions: what their owners, and nobody else, can do with them."""

import asyncio

import asyncpg
import pytest
import structlog

from service.settings import Settings
from tests.integration.conftest import Api, serving
from tests.integration.problems import problem
from tests.integration.webhooks.conftest import Owner, Worker
from tests.integration.webhooks.receiver import Receiver, status

URL = "https://hooks.example.com/glasshouse?for=us"


async def test_the_secret_is_shown_once(api: Api, owner: Owner) -> None:
    created = await owner.subscribe(URL, "product.updated", "product.created", "product.created")
    assert created.pop("secret").startswith("whsec_")
    assert (created["url"], created["events"]) == (URL, ["product.created", "product.updated"])
    answer = await api.client.get("/webhooks", headers=owner.headers)
    assert answer.json() == {"webhooks": [created]}
    assert answer.headers["cache-control"] == "no-store"


async def test_the_secret_is_in_no_log(
    api: Api,
    owner: Owner,
    worker: Worker,
    receiver: Receiver,
    events: list[structlog.typing.EventDict],
    postgres: asyncpg.Connection,
) -> None:
    webhook = await owner.subscribe(receiver.url)
    receiver.answer = status(410)
    await api.create_product()
    await worker.work()
    assert {event["event"] for event in events} >= {"webhook_delivery_dead"}
    secret = await postgres.fetchval("SELECT secret FROM webhook_subscriptions")
    for spelling in (webhook["secret"], webhook["secret"].removeprefix("whsec_"), repr(secret), secret.hex()):
        assert spelling not in repr(events)


async def test_a_webhook_is_its_owners_alone(
    api: Api, owner: Owner, worker: Worker, receiver: Receiver
) -> None:
    webhook = await owner.subscribe(receiver.url)
    await api.create_product()
    await worker.work()
    (delivery,) = await owner.deliveries(webhook["id"])
    other = await Owner.new(api)
    path = f"/webhooks/{webhook['id']}"
    assert (await api.client.get("/webhooks", headers=other.headers)).json() == {"webhooks": []}
    for answer in (
        await api.client.delete(path, headers=other.headers),
        await api.client.get(f"{path}/deliveries", headers=other.headers),
        await api.client.post(f"{path}/deliveries/{delivery['id']}/redeliver", headers=other.headers),
    ):
        problem(answer, 404, "path.webhook_id")
    assert await worker.work() == 0
    assert await owner.deliveries(webhook["id"]) == [delivery]


async def test_a_delivery_of_another_webhook_is_not_found(api: Api, owner: Owner, receiver: Receiver) -> None:
    webhook, other = (
        await owner.subscribe(receiver.url),
        await owner.subscribe(receiver.url, "product.deleted"),
    )
    await api.create_product()
    (delivery,) = await owner.deliveries(webhook["id"])
    path = f"/webhooks/{other['id']}/deliveries/{delivery['id']}/redeliver"
    problem(await api.client.post(path, headers=owner.headers), 404, "path.delivery_id")
    assert await owner.deliveries(other["id"]) == []
    assert await owner.deliveries(webhook["id"]) == [delivery]


async def test_a_deleted_webhook_is_gone(api: Api, owner: Owner) -> None:
    webhook = await owner.subscribe(URL)
    await owner.unsubscribe(webhook["id"])
    path = f"/webhooks/{webhook['id']}"
    problem(await api.client.delete(path, headers=owner.headers), 404, "path.webhook_id")
    problem(await api.client.get(f"{path}/deliveries", headers=owner.headers), 404, "path.webhook_id")


async def test_an_account_that_is_gone_subscribes_to_nothing(api: Api) -> None:
    headers = api.headers("webhooks:manage", user_id=10**9)
    new = {"url": URL, "events": ["product.created"]}
    problem(await api.client.post("/webhooks", json=new, headers=headers), 401, "header.Authorization")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"url": "ftp://example.com/"}, "body.url"),
        ({"url": "https://user:password@example.com/"}, "body.url"),
        ({"url": "https://[:::]/"}, "body.url"),
        ({"events": []}, "body.events"),
        ({"events": ["product.stolen"]}, "body.events.0"),
        ({"secret": "mine"}, "body.secret"),
    ],
)
async def test_what_is_wrong_is_named(api: Api, owner: Owner, change: dict[str, object], place: str) -> None:
    new = {"url": URL, "events": ["product.created"], **change}
    problem(await api.client.post("/webhooks", json=new, headers=owner.headers), 422, place)


async def test_an_account_has_no_more_than_twenty(api: Api, owner: Owner) -> None:
    for _ in range(20):
        await owner.subscribe(URL)
    new = {"url": URL, "events": ["product.created"]}
    answer = await api.client.post("/webhooks", json=new, headers=owner.headers)
    assert "delete one first" in problem(answer, 409, "header.Authorization")["detail"]


async def test_an_account_has_no_more_than_twenty_however_many_it_asks_for_at_once(
    api: Api, owner: Owner
) -> None:
    new = {"url": URL, "events": ["product.created"]}
    answers = await asyncio.gather(
        *(api.client.post("/webhooks", json=new, headers=owner.headers) for _ in range(40))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [409] * 20


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost", "10.1", "[::1]", "169.254.169.254"])
async def test_a_url_that_names_a_private_host_is_refused(settings: Settings, host: str) -> None:
    async with serving(settings.model_copy(update={"webhook_allow_private": False})) as api:
        new = {"url": f"http://{host}/hook", "events": ["product.created"]}
        answer = await api.client.post("/webhooks", json=new, headers=api.headers("webhooks:manage"))
    assert "not on the public internet" in problem(answer, 422, "body.url")["detail"]


async def test_deliveries_come_in_pages_latest_first(api: Api, owner: Owner) -> None:
    webhook = await owner.subscribe(URL, "product.created")
    for _ in range(5):
        await api.create_product()
    path, seen, query = f"/webhooks/{webhook['id']}/deliveries", list[int](), {"limit": "2"}
    for size in (2, 2, 1):
        page = (await api.client.get(path, params=query, headers=owner.headers)).json()
        assert len(page["deliveries"]) == size
        seen += [delivery["id"] for delivery in page["deliveries"]]
        query["cursor"] = page["next_cursor"]
    assert page["next_cursor"] is None
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 5
    statuses = {delivery["status"] for delivery in await owner.deliveries(webhook["id"])}
    assert statuses == {"pending"}
