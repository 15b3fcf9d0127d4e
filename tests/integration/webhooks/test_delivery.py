"""From a write to a receiver that can trust what it gets."""

import asyncio
import json
from typing import Any, TypeAlias

import asyncpg
import httpx2
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from standardwebhooks import Webhook as Signature
from standardwebhooks import WebhookVerificationError

from observability.setup import instrument_worker
from service.infra.jobs.handlers import JobContext
from service.webhooks.jobs import ForgetWebhookEvents
from tests.integration.conftest import Api
from tests.integration.webhooks.conftest import Owner, Worker
from tests.integration.webhooks.receiver import Receiver, hang_up, receiving, status

Webhook: TypeAlias = dict[str, Any]


@pytest.fixture
async def webhook(api: Api, owner: Owner, receiver: Receiver) -> Webhook:
    """Listens to everything, and has one event on its way."""
    webhook = await owner.subscribe(receiver.url)
    await api.create_product()
    return webhook


async def test_a_receiver_verifies_what_it_gets(
    api: Api, owner: Owner, worker: Worker, receiver: Receiver
) -> None:
    webhook = await owner.subscribe(receiver.url)
    product = await api.create_product()
    assert await worker.work() == 1
    (received,) = receiver.received
    event = Signature(webhook["secret"]).verify(received.body, dict(received.headers))
    assert (event["type"], event["data"]) == ("product.created", product)
    assert received.headers["content-type"] == "application/json"
    (delivery,) = await owner.deliveries(webhook["id"])
    assert received.headers["webhook-id"] == str(delivery["id"])


async def test_a_receiver_can_continue_the_trace_of_the_write(
    api: Api, owner: Owner, worker: Worker, receiver: Receiver
) -> None:
    await owner.subscribe(receiver.url)
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = api.as_writer(traceparent=f"00-{trace_id}-b7ad6b7169203331-01")
    new = {"name": "Oak board", "description": "A board.", "category": "kitchen", "price": "24.90"}
    await api.client.post("/products", json=new, headers=headers)
    await worker.work()
    version, found, span_id, flags = receiver.received[0].headers["traceparent"].split("-")
    # Not sampled here: without a collector nobody in this service keeps spans.
    assert (version, found, flags) == ("00", trace_id, "00")
    assert span_id != "b7ad6b7169203331"


async def test_sending_is_a_span_that_the_receiver_continues_without_the_secrets_of_either(
    api: Api, owner: Owner, worker: Worker, receiver: Receiver
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry = instrument_worker(service_name="tests", tracer_provider=provider)
    await owner.subscribe(f"{receiver.url}/their-secret?key=their-secret")
    await api.create_product()
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01", "baggage": "plan=ours"}
    with telemetry.measured_task("deliver", headers=headers):
        await worker.work()
    (call,) = (each for each in exporter.get_finished_spans() if each.kind is SpanKind.CLIENT)
    (received,) = receiver.received
    assert received.headers["traceparent"] == f"00-{trace_id}-{call.context.span_id:016x}-01"
    assert "baggage" not in received.headers
    assert call.attributes == {
        "http.request.method": "POST",
        "server.address": "127.0.0.1",
        "server.port": httpx2.URL(receiver.url).port,
        "http.response.status_code": 204,
    }


async def test_the_secret_of_another_webhook_verifies_nothing(
    api: Api, owner: Owner, worker: Worker, receiver: Receiver
) -> None:
    await owner.subscribe(receiver.url)
    other = await owner.subscribe(receiver.url, "product.deleted")
    await api.create_product()
    await worker.work()
    (received,) = receiver.received
    with pytest.raises(WebhookVerificationError):
        Signature(other["secret"]).verify(received.body, dict(received.headers))


async def test_each_write_is_told_with_the_product_as_it_is_or_was(
    api: Api, owner: Owner, worker: Worker, receiver: Receiver
) -> None:
    await owner.subscribe(receiver.url)
    created = await api.create_product()
    path = f"/products/{created['id']}"
    changed = (await api.client.patch(path, json={"price": "9.90"}, headers=api.as_writer())).json()
    await api.client.delete(path, headers=api.as_writer())
    await worker.work()
    events = [json.loads(received.body) for received in receiver.received]
    assert [(event["type"], event["data"]) for event in events] == [
        ("product.created", created),
        ("product.updated", changed),
        ("product.deleted", changed),
    ]


async def test_a_webhook_hears_of_what_it_asked_for_and_not_of_the_past(
    api: Api, owner: Owner, worker: Worker, receiver: Receiver
) -> None:
    product = await api.create_product()
    await owner.subscribe(receiver.url, "product.deleted")
    await api.create_product()
    await api.client.delete(f"/products/{product['id']}", headers=api.as_writer())
    assert await worker.work() == 1
    assert json.loads(receiver.received[0].body)["type"] == "product.deleted"


async def test_a_write_that_nobody_listens_to_leaves_nothing_behind(
    api: Api, owner: Owner, postgres: asyncpg.Connection, receiver: Receiver
) -> None:
    await owner.subscribe(receiver.url, "product.deleted")
    await api.create_product()
    assert await postgres.fetchval("SELECT count(*) FROM webhook_events") == 0
    assert await postgres.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'deliver_webhook'") == 0


async def test_a_write_that_fails_tells_nobody(
    api: Api, owner: Owner, postgres: asyncpg.Connection, receiver: Receiver
) -> None:
    await owner.subscribe(receiver.url)
    product = await api.create_product()
    await postgres.execute("DELETE FROM pgqueuer")
    await postgres.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$"
    )
    # The last statement of the transaction: the event was there already.
    await postgres.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON cache_invalidations EXECUTE FUNCTION refuse()"
    )
    try:
        path = f"/products/{product['id']}"
        answer = await api.client.patch(path, json={"price": "1"}, headers=api.as_writer())
    finally:
        await postgres.execute("DROP FUNCTION refuse CASCADE")
    assert answer.status_code == 500
    assert await postgres.fetchval("SELECT count(*) FROM webhook_events") == 1
    assert await postgres.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'deliver_webhook'") == 0


async def test_no_write_without_its_event(
    api: Api, owner: Owner, postgres: asyncpg.Connection, receiver: Receiver
) -> None:
    await owner.subscribe(receiver.url)
    await postgres.execute("ALTER TABLE pgqueuer RENAME TO elsewhere")
    try:
        new = {"name": "Untold", "description": "A board.", "category": "kitchen", "price": "1"}
        answer = await api.client.post("/products", json=new, headers=api.as_writer())
    finally:
        await postgres.execute("ALTER TABLE elsewhere RENAME TO pgqueuer")
    assert answer.status_code == 500
    assert await postgres.fetchval("SELECT count(*) FROM products WHERE name = 'Untold'") == 0


async def test_a_failed_attempt_is_repeated_with_the_same_id_and_body(
    owner: Owner, worker: Worker, receiver: Receiver, webhook: Webhook
) -> None:
    receiver.answer = status(503)
    await worker.work()
    receiver.answer = status(200, body=b"thanks")
    await worker.work()
    assert await worker.work() == 0
    first, second = receiver.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    Signature(webhook["secret"]).verify(second.body, dict(second.headers))
    (delivery,) = await owner.deliveries(webhook["id"])
    assert (delivery["status"], delivery["next_attempt_at"]) == ("delivered", None)
    assert [(each["status"], each["error"]) for each in delivery["attempts"]] == [(503, None), (200, None)]
    assert all(each["seconds"] > 0 for each in delivery["attempts"])


async def test_retries_are_put_off_longer_each_time(
    owner: Owner, worker: Worker, receiver: Receiver, webhook: Webhook, postgres: asyncpg.Connection
) -> None:
    receiver.answer = status(500)
    waits = []
    for _ in range(4):
        await worker.work()
        waits.append(
            await postgres.fetchval(
                "SELECT extract(epoch FROM execute_after - created) FROM pgqueuer WHERE entrypoint = 'deliver_webhook'"
            )
        )
    for wait, longest in zip(waits, (10, 20, 40, 80), strict=True):
        assert longest / 2 - 1 < wait < longest + 1
    (delivery,) = await owner.deliveries(webhook["id"])
    assert delivery["next_attempt_at"] > delivery["attempts"][-1]["started_at"]


async def test_a_delivery_is_dead_after_its_attempts_and_comes_back_when_it_is_told_to(
    owner: Owner, worker: Worker, receiver: Receiver, webhook: Webhook
) -> None:
    receiver.answer = status(500)
    attempts = 0
    while await worker.work():
        attempts += 1
    assert attempts == 16
    (delivery,) = await owner.deliveries(webhook["id"], status="dead")
    assert (len(delivery["attempts"]), delivery["next_attempt_at"]) == (16, None)
    assert await owner.deliveries(webhook["id"], status="pending") == []

    receiver.answer = status(204)
    again = await owner.redeliver(webhook["id"], delivery["id"])
    assert (again["id"], again["status"]) == (delivery["id"], "pending")
    assert await worker.work() == 1
    (delivery,) = await owner.deliveries(webhook["id"])
    assert (delivery["status"], len(delivery["attempts"])) == ("delivered", 17)
    assert {each.headers["webhook-id"] for each in receiver.received} == {str(delivery["id"])}


async def test_a_redelivery_has_all_attempts_again(
    owner: Owner, worker: Worker, receiver: Receiver, webhook: Webhook
) -> None:
    receiver.answer = status(410)
    await worker.work()
    (delivery,) = await owner.deliveries(webhook["id"], status="dead")
    await owner.redeliver(webhook["id"], delivery["id"])
    receiver.answer = status(500)
    attempts = 0
    while await worker.work():
        attempts += 1
    assert attempts == 16


async def test_a_receiver_that_is_gone_is_asked_once(
    owner: Owner, worker: Worker, receiver: Receiver, webhook: Webhook
) -> None:
    receiver.answer = status(410)
    await worker.work()
    assert await worker.work() == 0
    (delivery,) = await owner.deliveries(webhook["id"])
    assert delivery["status"] == "dead"


async def test_a_redelivery_replaces_the_attempt_that_was_planned(
    owner: Owner, worker: Worker, receiver: Receiver, webhook: Webhook
) -> None:
    receiver.answer = status(500)
    await worker.work()
    (delivery,) = await owner.deliveries(webhook["id"])
    await owner.redeliver(webhook["id"], delivery["id"])
    receiver.answer = status(200)
    assert await worker.work() == 2
    assert len(receiver.received) == 2


async def test_a_job_that_runs_again_after_it_was_done_sends_nothing(
    api: Api, owner: Owner, worker: Worker, receiver: Receiver
) -> None:
    await owner.subscribe(receiver.url)
    await api.create_product()
    (task,) = await worker.tasks()
    receiver.answer = status(500)
    await worker.run(task)
    await worker.run(task)
    assert len(receiver.received) == 1
    assert len(await worker.tasks()) == 1


async def test_an_attempt_that_two_workers_make_at_once_has_one_successor(
    owner: Owner, worker: Worker, receiver: Receiver, webhook: Webhook
) -> None:
    (task,) = await worker.tasks()
    receiver.answer = status(500)
    await asyncio.gather(worker.run(task), worker.run(task))
    assert len(await worker.tasks()) == 1
    (delivery,) = await owner.deliveries(webhook["id"])
    assert 1 <= len(delivery["attempts"]) <= 2


async def test_deliveries_of_a_deleted_webhook_end_quietly(
    owner: Owner, worker: Worker, receiver: Receiver, webhook: Webhook
) -> None:
    await owner.unsubscribe(webhook["id"])
    assert await worker.work() == 1
    assert await worker.work() == 0
    assert receiver.received == []


async def test_two_webhooks_get_deliveries_of_their_own(
    api: Api, owner: Owner, worker: Worker, receiver: Receiver, postgres: asyncpg.Connection
) -> None:
    for _ in range(2):
        await owner.subscribe(receiver.url)
    await api.create_product()
    assert await worker.work() == 2
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 2
    assert await postgres.fetchval("SELECT count(*) FROM webhook_events") == 1


async def test_redirects_are_not_followed(api: Api, owner: Owner, worker: Worker, receiver: Receiver) -> None:
    async with receiving() as elsewhere:
        receiver.answer = status(307, f"Location: {elsewhere.url}")
        webhook = await owner.subscribe(receiver.url)
        await api.create_product()
        await worker.work()
        assert elsewhere.connections == 0
    (delivery,) = await owner.deliveries(webhook["id"])
    assert delivery["attempts"][0]["status"] == 307
    assert delivery["attempts"][0]["error"] == "Redirects are not followed"
    assert delivery["status"] == "pending"


@pytest.mark.parametrize("answer", [hang_up, status(200, "Broken Header")])
async def test_no_usable_answer_is_a_failure_with_a_reason(
    owner: Owner, worker: Worker, receiver: Receiver, webhook: Webhook, answer: object
) -> None:
    receiver.answer = answer  # type: ignore[assignment]
    await worker.work()
    (delivery,) = await owner.deliveries(webhook["id"])
    assert delivery["attempts"][0]["status"] is None
    assert delivery["attempts"][0]["error"]


async def test_a_target_that_refuses_connections_is_a_failure_with_a_reason(
    api: Api, owner: Owner, worker: Worker
) -> None:
    async with receiving() as gone:
        webhook = await owner.subscribe(gone.url)
    await api.create_product()
    await worker.work()
    (delivery,) = await owner.deliveries(webhook["id"])
    assert delivery["attempts"][0]["error"]
    assert delivery["status"] == "pending"


async def test_what_happened_long_ago_is_forgotten_with_its_deliveries(
    api: Api, owner: Owner, worker: Worker, receiver: Receiver, postgres: asyncpg.Connection
) -> None:
    webhook = await owner.subscribe(receiver.url)
    for _ in range(3):
        await api.create_product()
    await worker.work()
    first, second, third = await owner.deliveries(webhook["id"])
    await postgres.execute(
        "UPDATE webhook_events SET created_at = now() - CASE WHEN id = $1 THEN interval '30 days 1 minute' "
        "ELSE interval '29 days' END",
        await postgres.fetchval("SELECT event_id FROM webhook_deliveries WHERE id = $1", second["id"]),
    )
    context = JobContext(job_id=1, attempt=1, attempts=8, headers={})
    await worker.delivery.forget(ForgetWebhookEvents(), context)
    kept = [each["id"] for each in await owner.deliveries(webhook["id"])]
    assert kept == [first["id"], third["id"]]
    assert await postgres.fetchval("SELECT count(*) FROM webhook_attempts") == 2
