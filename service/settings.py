"""The only reader of the environment."""

from typing import Annotated, Any, Self

from limits import parse_many
from pydantic import (
    AfterValidator,
    EmailStr,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.urls import asyncpg_url, redis_url, smtp_url

MIN_SECRET_LENGTH = 32
# 32 random hexadecimal digits have fewer different ones once in a million times.
MIN_DIFFERENT_CHARACTERS = 8
KNOWN_SECRETS = ("changeme", "secret", "password", "glasshouse", "example", "0123456789", "abcdefgh")


class SettingsError(Exception):
    """A setting is missing or wrong; the message says what to change."""


def _rate(rate: str) -> str:
    msg = "must look like 10/minute or 100 per 2 hours"
    try:
        rates = parse_many(rate)
    except ValueError as error:
        raise ValueError(msg) from error
    if len(rates) != 1 or rates[0].amount < 1:
        raise ValueError(msg)
    return rate


def _unknown_secret(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    is_random = len(set(value)) >= MIN_DIFFERENT_CHARACTERS and not any(
        known in value.lower() for known in KNOWN_SECRETS
    )
    if len(value) < MIN_SECRET_LENGTH or not is_random:
        msg = (
            f"must be at least {MIN_SECRET_LENGTH} random characters, for example from `openssl rand -hex 32`"
        )
        raise ValueError(msg)
    return secret


Seconds = Annotated[float, Field(gt=0, le=3600)]
Rate = Annotated[str, AfterValidator(_rate)]
SmtpUrl = Annotated[str, AfterValidator(smtp_url)]
Port = Annotated[int, Field(ge=1, le=65535)]


class DatabaseSettings(BaseSettings):
    """What it takes to reach the database, read from environment variables of the same name in capitals."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )

    database_url: Annotated[str, AfterValidator(asyncpg_url), Field(repr=False)]

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read the environment, except for what is given.

        Raises:
            SettingsError: Naming each variable that is missing or wrong and what it should be.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            raise SettingsError(_in_words(error)) from None


class Settings(DatabaseSettings):
    """Everything that can be configured."""

    redis_url: Annotated[str, AfterValidator(redis_url), Field(repr=False)]
    token_secret: Annotated[SecretStr, AfterValidator(_unknown_secret)]
    # To change TOKEN_SECRET, keep the old one here for as long as a token lives.
    previous_token_secret: Annotated[SecretStr, AfterValidator(_unknown_secret)] | None = None

    # The commit that runs, shown by `service_build_info`.
    revision: str = ""

    host: str = "127.0.0.1"
    port: Port = 8000
    admin_host: str = "127.0.0.1"
    admin_port: Port | None = None
    workers: Annotated[int, Field(ge=1, le=64)] = 1

    # Between SIGTERM and the end of serving, /readyz says 503 for so long that whoever routes requests here stops.
    drain_seconds: Annotated[float, Field(ge=0, le=300)] = 0.0

    # Of each process: requests served at once, how many more may wait and how long; then they are refused.
    max_served: Annotated[int, Field(ge=1, le=10_000)] = 16
    max_waiting: Annotated[int, Field(ge=0, le=10_000)] = 96
    max_wait: Seconds = 0.5
    # The line and the headers of a request: bytes, headers, and how long a client may take to send them.
    max_head_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = 32 * 1024
    max_headers: Annotated[int, Field(ge=10, le=10_000)] = 100
    header_timeout: Seconds = 10.0
    # How long a client may take to send a body, and the service to answer.
    upload_timeout: Seconds = 20.0
    request_timeout: Seconds = 10.0

    read_pool_size: Annotated[int, Field(ge=1, le=200)] = 10
    write_pool_size: Annotated[int, Field(ge=1, le=200)] = 5
    pool_timeout: Seconds = 1.0
    pool_recycle: Seconds = 1800.0
    connect_timeout: Seconds = 2.0
    statement_timeout: Seconds = 5.0
    redis_timeout: Seconds = 0.1

    # How long an answer may be given from the memory of a process, and how much memory that may take.
    cache_local_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    cache_local_megabytes: Annotated[int, Field(ge=1, le=4096)] = 32

    token_lifetime: Seconds = 900.0
    # For one address: tries for one account, and for all of them; registrations.
    token_rate_limit: Rate = "10/minute"  # noqa: S105 (a rate)
    token_address_rate_limit: Rate = "100/minute"  # noqa: S105 (the same)
    register_rate_limit: Rate = "20/minute"
    password_hash_concurrency: Annotated[int, Field(ge=1, le=64)] = 2

    # Seconds for a whole delivery; and whether it may go to this machine and its network, for local use alone.
    webhook_timeout: Seconds = 10.0
    webhook_allow_private: bool = False

    # What workers need besides. A worker that was not heard of for so long has lost its jobs to the others.
    smtp_url: Annotated[SmtpUrl | None, Field(repr=False)] = None
    smtp_timeout: Seconds = 10.0
    mail_from: EmailStr = "glasshouse@example.com"
    worker_concurrency: Annotated[int, Field(ge=1, le=200)] = 10
    worker_metrics_host: str = "127.0.0.1"
    worker_metrics_port: Port = 8001
    worker_drain_seconds: Seconds = 20.0
    job_lease_seconds: Annotated[float, Field(ge=0.5, le=300)] = 10.0

    @field_validator("admin_port")
    @classmethod
    def _apart_from_port(cls, admin_port: int | None, others: ValidationInfo) -> int | None:
        if admin_port is not None and admin_port == others.data.get("port"):
            msg = "must not be PORT"
            raise ValueError(msg)
        return admin_port


def _in_words(error: ValidationError) -> str:
    problems = (
        f"{str(e['loc'][0]).upper()} is not set"
        if e["type"] == "missing"
        else f"{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}"
        for e in error.errors(include_input=False)
    )
    return "; ".join(problems)
