"""The composition root of the workers: which code runs which job, and what that needs."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from observability.asgi.admin import AdminServer
from observability.settings import TelemetrySettings
from observability.setup import Telemetry, instrument_worker
from service.about import SERVICE_NAME, VERSION
from service.images.jobs import MakeThumbnails, Thumbnails
from service.images.repository import ImageRepository
from service.infra.database import Database, autocommit_engine
from service.infra.garbage import rare_collections
from service.infra.jobs.broker import queries_on
from service.infra.jobs.clock import keep_scheduling
from service.infra.jobs.depth import QueueDepth
from service.infra.jobs.handlers import Handlers
from service.infra.jobs.history import ForgetHistory, History
from service.infra.jobs.listener import Listener
from service.infra.jobs.worker import Worker
from service.infra.mail.mailer import Mailer
from service.infra.outgoing.resolver import SystemResolver
from service.items.jobs import ForgetIdempotencyKeys, IdempotencyKeys
from service.settings import Settings, SettingsError
from service.users.jobs import SendWelcomeEmail, WelcomeEmails
from service.users.repository import UserRepository
from service.webhooks.deliveries import DeliveryRepository
from service.webhooks.delivery import WebhookDelivery
from service.webhooks.jobs import DeliverWebhook, ForgetWebhookEvents
from service.webhooks.sender import Sender
from service.webhooks.targets import Targets

# One connection listens; the others are for taking, renewing and finishing, which take a millisecond each.
QUEUE_CONNECTIONS = 5
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def wire(settings: Settings, database: Database, sender: Sender) -> Handlers:
    """The handler of every job of this service.

    Raises:
        SettingsError: A job needs what is not set.
    """
    handlers = Handlers()
    handlers.add(SendWelcomeEmail, WelcomeEmails(UserRepository(database), _mailer(settings)).send)
    handlers.add(MakeThumbnails, Thumbnails(database, ImageRepository(database)).make)
    handlers.add(ForgetIdempotencyKeys, IdempotencyKeys(database).forget)
    handlers.schedule(ForgetIdempotencyKeys(), "17 * * * *")
    handlers.add(ForgetHistory, History(database).forget)
    handlers.schedule(ForgetHistory(), "47 3 * * *")
    webhooks = WebhookDelivery(database, DeliveryRepository(database), sender, Targets())
    handlers.add(DeliverWebhook, webhooks.deliver)
    handlers.add(ForgetWebhookEvents, webhooks.forget)
    handlers.schedule(ForgetWebhookEvents(), "37 * * * *")
    return handlers


async def work(settings: Settings, *, started: Callable[[], None]) -> None:
    """Run jobs until SIGINT or SIGTERM; `started` is called once they are taken.

    Raises:
        SettingsError: A job needs what is not set.
    """
    database = Database(settings)
    engine = autocommit_engine(settings, "queue", QUEUE_CONNECTIONS)
    sender = Sender(
        SystemResolver(), timeout=settings.webhook_timeout, allow_private=settings.webhook_allow_private
    )
    try:
        handlers = wire(settings, database, sender)
        telemetry = instrument_worker(
            service_name=SERVICE_NAME,
            engine={"read": database.reader, "write": database.writer, "queue": engine},
            settings=TelemetrySettings(service_version=VERSION, service_revision=settings.revision),
        )
        for name in handlers.names:
            telemetry.recorders.tasks.expect(name, "worker")
        queries, listener = queries_on(engine), Listener(engine)
        worker = Worker(
            queries,
            handlers,
            telemetry.measured_task,
            concurrency=settings.worker_concurrency,
            lease=settings.job_lease_seconds,
            drain=settings.worker_drain_seconds,
        )
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, worker.stop)
        async with (
            _observed(settings, telemetry, QueueDepth(listener, handlers.names)),
            asyncio.TaskGroup() as group,
        ):
            beside = [
                group.create_task(listener.listen(worker.wake)),
                group.create_task(keep_scheduling(queries, handlers.schedules)),
            ]
            started()
            with rare_collections():
                await worker.run()
            for task in beside:
                task.cancel()
    finally:
        await sender.close()
        await engine.dispose()
        await database.close()


def _mailer(settings: Settings) -> Mailer:
    if settings.smtp_url is None:
        msg = "SMTP_URL is not set: workers send e-mail, for example through smtp://localhost:1025"
        raise SettingsError(msg)
    return Mailer(settings.smtp_url, sender=settings.mail_from, timeout=settings.smtp_timeout)


@asynccontextmanager
async def _observed(settings: Settings, telemetry: Telemetry, depth: QueueDepth) -> AsyncIterator[None]:
    """Answers scrapes on a port of its own, each with a fresh look at the queue, and in the end sends what waits."""
    loop = asyncio.get_running_loop()
    telemetry.registry.register(depth)

    def make_app() -> ASGIApp:
        endpoint = telemetry.scrape_endpoint()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            # The connections belong to the loop of the worker; the scrape has another.
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(depth.read(), loop))
            await endpoint(scope, receive, send)

        return app

    server = AdminServer(make_app, settings.worker_metrics_host, settings.worker_metrics_port)
    telemetry.runtime.start()
    server.start()
    try:
        yield
    finally:
        server.stop()
        telemetry.runtime.stop()
        await telemetry.flush()
