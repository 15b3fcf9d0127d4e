"""The composition root: the only place that wires."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from limits.aio.storage import RedisStorage
from redis.asyncio import Redis
from starlette.middleware import Middleware
from starlette.types import Lifespan

from observability.conventions import LIMITS
from observability.settings import TelemetrySettings
from observability.setup import Telemetry, instrument
from service import problems
from service.about import SERVICE_NAME, VERSION
from service.health.routes import router as health_router
from service.health.service import HealthService
from service.images.repository import ImageRepository
from service.images.routes import router as images_router
from service.images.service import ImageService
from service.infra import redis as redis_client
from service.infra.admission import Admission, Limits, Places, too_busy
from service.infra.authentication import is_editor
from service.infra.body_limit import BodyLimit
from service.infra.bounded_connections import CONNECTION_LIMITS, ConnectionLimits, Farewell
from service.infra.cache.lifecycle import Caching
from service.infra.cache.route import cached_names
from service.infra.database import Database
from service.infra.draining import Draining
from service.infra.front_door import DOORKEEPER, Doorkeeper
from service.infra.garbage import rare_collections
from service.infra.head import Head
from service.infra.passwords import Passwords
from service.infra.rate_limits import RateLimit, client_of, redis_storage
from service.infra.tokens import Tokens
from service.items.repository import ItemRepository
from service.items.routes import router as items_router
from service.items.service import ItemService
from service.migrations.run import pending_on
from service.objectives import LATENCY_THRESHOLDS, ROUTE_THRESHOLDS
from service.openapi import DESCRIPTION, TAGS, describe
from service.products.repository import ProductRepository
from service.products.routes import router as products_router
from service.products.service import ProductService
from service.settings import Settings, SettingsError
from service.users.repository import UserRepository
from service.users.routes import router as users_router
from service.users.service import UserService
from service.webhooks.deliveries import DeliveryRepository
from service.webhooks.publisher import WebhookEvents
from service.webhooks.repository import WebhookRepository
from service.webhooks.routes import router as webhooks_router
from service.webhooks.service import WebhookService

MAX_BODY_SIZE = 1024 * 1024
# Of all requests of a process together. An eighth of what the containers of docker-compose.yml have.
MAX_BODIES_SIZE = 64 * 1024 * 1024
# Only /token takes a form, of six fields and those that clients of other servers are used to send.
FORM_LIMITS: Any = {"max_fields": 20, "max_files": 0, "max_part_size": 8 * 1024}
# Answered however busy the process is.
HEALTH_PATHS = ("/healthz", "/readyz")
# A request tries every route up to its own, at about 1 % of the time of reading an item each: the busiest come first.
ROUTERS: tuple[APIRouter, ...] = (
    items_router,
    products_router,
    images_router,
    users_router,
    webhooks_router,
    health_router,
)


def __getattr__(name: str) -> FastAPI:
    """`app`, for commands that want an object instead of a factory: made when it is asked for, not at import."""
    if name == "app":
        return create_app()
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application with everything it needs, from the given settings or, for servers, the environment."""
    settings = settings or _settings_or_exit()
    database, redis = Database(settings), redis_client.connect(settings)
    draining, places = Draining(settings.drain_seconds), Places(_limits(settings))
    app = FastAPI(
        title="Glasshouse",
        version=VERSION,
        summary="A product catalogue that you can see through.",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=_lifespan(database, redis, draining),
        middleware=_middleware(places),
        responses=problems.DEFAULT_RESPONSE,
        form_limits=FORM_LIMITS,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    for router in ROUTERS:
        app.include_router(router)
    storage = redis_storage(redis)
    problems.install(app)
    describe(app)
    telemetry = instrument(
        app,
        service_name=SERVICE_NAME,
        engine={"read": database.reader, "write": database.writer},
        redis={"redis": redis, "rate_limits": client_of(storage)},
        settings=_telemetry_settings(settings),
    )
    caching = Caching(
        settings,
        database,
        redis,
        recorder=telemetry.cache,
        trusts=is_editor,
        names=cached_names(ROUTERS),
    )
    _wire(app, settings, database, storage, caching)
    app.state.doorkeeper = _doorkeeper(places, telemetry)
    app.state.connection_limits = _connection_limits(settings, telemetry)
    app.state.health = HealthService(database, redis, pending_on, draining)
    return app


def _settings_or_exit() -> Settings:
    try:
        return Settings.load()
    except SettingsError as error:
        sys.exit(f"glasshouse: {error}")


def _telemetry_settings(settings: Settings) -> TelemetrySettings:
    return TelemetrySettings(
        service_version=VERSION,
        service_revision=settings.revision,
        latency_thresholds=LATENCY_THRESHOLDS,
        slow_thresholds=ROUTE_THRESHOLDS,
        sheds_load=True,
        limits=LIMITS,
        metrics_path=None if settings.admin_port else "/metrics",
        admin_host=settings.admin_host,
        admin_port=settings.admin_port,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        served=settings.max_served,
        waiting=settings.max_waiting,
        wait=settings.max_wait,
        bodies=MAX_BODIES_SIZE,
        upload=settings.upload_timeout,
        deadline=settings.request_timeout,
    )


def _middleware(places: Places) -> list[Middleware]:
    """From the outside in: what ends a request early comes first."""
    return [
        Middleware(BodyLimit, max_body_size=MAX_BODY_SIZE),
        Middleware(Admission, places=places, always=HEALTH_PATHS, answer=problems.answer),
        Middleware(Head),
    ]


def _doorkeeper(places: Places, telemetry: Telemetry) -> Doorkeeper:
    metrics_path = telemetry.settings.metrics_path
    return Doorkeeper(
        places,
        always=(*HEALTH_PATHS, metrics_path) if metrics_path else HEALTH_PATHS,
        headers={"Content-Type": problems.MEDIA_TYPE, **too_busy().headers},
        body=problems.prepared(too_busy()),
        refused=telemetry.request_refused,
    )


def _connection_limits(settings: Settings, telemetry: Telemetry) -> ConnectionLimits:
    size, fields, seconds = settings.max_head_bytes, settings.max_headers, settings.header_timeout
    return ConnectionLimits(
        head_size=size,
        head_fields=fields,
        head_time=seconds,
        # So that the request does not meet its deadline for want of a reader.
        answer_time=settings.request_timeout / 2,
        too_large=_farewell(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"Send no more than {size:,} bytes and {fields:,} headers before the body",
        ),
        too_slow=_farewell(
            HTTPStatus.REQUEST_TIMEOUT, f"The headers of a request were not here within {seconds:g} s"
        ),
        exceeded=telemetry.limit_exceeded,
    )


def _farewell(status: HTTPStatus, detail: str) -> Farewell:
    return Farewell(status, problems.MEDIA_TYPE, problems.unread(status, detail))


def _wire(
    app: FastAPI,
    settings: Settings,
    database: Database,
    storage: RedisStorage,
    caching: Caching,
) -> None:
    previous = settings.previous_token_secret
    tokens = Tokens(
        settings.token_secret.get_secret_value(),
        lifetime=settings.token_lifetime,
        previous_secret=previous.get_secret_value() if previous else None,
    )
    passwords = Passwords(concurrency=settings.password_hash_concurrency)
    app.state.tokens = tokens
    app.state.caching = caching
    app.state.cache = caching.responses
    deliveries = DeliveryRepository(database)
    app.state.products = ProductService(
        ProductRepository(database), caching.invalidations, WebhookEvents(deliveries)
    )
    app.state.items = ItemService(database, ItemRepository(database))
    app.state.images = ImageService(database, ImageRepository(database))
    app.state.users = UserService(database, UserRepository(database), passwords, tokens)
    app.state.webhooks = WebhookService(
        database, WebhookRepository(database), deliveries, allow_private=settings.webhook_allow_private
    )
    app.state.register_limit = RateLimit("register", settings.register_rate_limit, storage)
    app.state.token_limit = RateLimit("token", settings.token_rate_limit, storage)
    app.state.token_address_limit = RateLimit("token-address", settings.token_address_rate_limit, storage)


def _lifespan(database: Database, redis: Redis, draining: Draining) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        caching: Caching = app.state.caching
        telemetry: Telemetry = app.state.telemetry
        try:
            async with caching.running():
                with draining.on_signal(), rare_collections():
                    yield {DOORKEEPER: app.state.doorkeeper, CONNECTION_LIMITS: app.state.connection_limits}
        finally:
            await telemetry.flush()
            await database.close()
            await redis.aclose()

    return lifespan
