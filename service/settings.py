"""The only reader of the environment."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

MIN_SECRET_LENGTH = 32
KNOWN_SECRETS = frozenset({"changeme", "secret", "password", "glasshouse", "token_secret", "example"})


class SettingsError(Exception):
    """A setting is missing or wrong; the message says what to change."""


def _asyncpg_url(url: str) -> str:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        msg = "must look like postgresql://user:password@host:5432/database"
        raise ValueError(msg) from error
    if parsed.drivername not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        msg = f"must be a postgresql:// URL, not {parsed.drivername}://"
        raise ValueError(msg)
    return parsed.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def _redis_url(url: str) -> str:
    if not url.startswith(("redis://", "rediss://", "unix://")):
        msg = "must start with redis://, rediss:// or unix://"
        raise ValueError(msg)
    return url


def _unknown_secret(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if len(value) < MIN_SECRET_LENGTH or any(known * 2 in value.lower() for known in KNOWN_SECRETS):
        msg = (
            f"must be at least {MIN_SECRET_LENGTH} random characters, for example from `openssl rand -hex 32`"
        )
        raise ValueError(msg)
    return secret


Seconds = Annotated[float, Field(gt=0, le=3600)]
Port = Annotated[int, Field(ge=1, le=65535)]


class DatabaseSettings(BaseSettings):
    """What it takes to reach the database, read from environment variables of the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: Annotated[str, AfterValidator(_asyncpg_url), Field(repr=False)]

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

    redis_url: Annotated[str, AfterValidator(_redis_url), Field(repr=False)]
    token_secret: Annotated[SecretStr, AfterValidator(_unknown_secret)]

    # The commit that runs, shown by `service_build_info`.
    revision: str = ""

    host: str = "127.0.0.1"
    port: Port = 8000
    admin_host: str = "127.0.0.1"
    admin_port: Port | None = None
    workers: Annotated[int, Field(ge=1, le=64)] = 1

    read_pool_size: Annotated[int, Field(ge=1, le=200)] = 10
    write_pool_size: Annotated[int, Field(ge=1, le=200)] = 5
    pool_timeout: Seconds = 1.0
    pool_recycle: Seconds = 1800.0
    connect_timeout: Seconds = 2.0
    statement_timeout: Seconds = 5.0
    redis_timeout: Seconds = 0.1

    token_lifetime: Seconds = 900.0
    token_rate_limit: str = "10/minute"  # noqa: S105 (a rate)
    register_rate_limit: str = "20/minute"
    password_hash_concurrency: Annotated[int, Field(ge=1, le=64)] = 2


def _in_words(error: ValidationError) -> str:
    problems = (
        f"{str(e['loc'][0]).upper()} is not set"
        if e["type"] == "missing"
        else f"{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}"
        for e in error.errors(include_input=False)
    )
    return "; ".join(problems)
