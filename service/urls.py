"""The URLs of servers, as they are written in the environment: checked, and in the form that their clients want."""

from contextlib import suppress
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from redis.asyncio.connection import parse_url

POSTGRESQL_SCHEMES = ("postgres", "postgresql", "postgresql+asyncpg")
REDIS_SCHEMES = ("redis", "rediss", "unix")
SMTP_SCHEMES = ("smtp", "smtps")


def asyncpg_url(url: str) -> str:
    """The URL for SQLAlchemy on asyncpg.

    Raises:
        ValueError: With what it must look like instead.
    """
    parsed = _split(url)
    if parsed is None or not parsed.scheme or not parsed.hostname:
        msg = (
            "must look like postgresql://user:password@host:5432/database, special characters percent-encoded"
        )
        raise ValueError(msg)
    if parsed.scheme not in POSTGRESQL_SCHEMES:
        msg = f"must be a postgresql:// URL, not {parsed.scheme}://"
        raise ValueError(msg)
    return parsed._replace(scheme="postgresql+asyncpg", query=_asyncpg_options(parsed.query)).geturl()


def redis_url(url: str) -> str:
    """The same URL.

    Raises:
        ValueError: With what it must look like instead.
    """
    parsed = _split(url)
    if parsed is not None and parsed.scheme not in REDIS_SCHEMES:
        msg = "must start with redis://, rediss:// or unix://"
        raise ValueError(msg)
    msg = "must look like redis://:password@host:6379/0"
    if parsed is None:
        raise ValueError(msg)
    try:
        parse_url(url)
    except ValueError as error:
        raise ValueError(msg) from error
    return url


def smtp_url(url: str) -> str:
    """The same URL.

    Raises:
        ValueError: With what it must look like instead.
    """
    parsed = _split(url)
    if parsed is None or not parsed.hostname or parsed.scheme not in SMTP_SCHEMES or parsed.path.strip("/"):
        msg = (
            "must look like smtp://user:password@host:587, or smtps:// where TLS comes first, "
            "special characters percent-encoded"
        )
        raise ValueError(msg)
    return url


def _split(url: str) -> SplitResult | None:
    with suppress(ValueError):
        parsed = urlsplit(url)
        if parsed.port != 0:
            return parsed
    return None


def _asyncpg_options(query: str) -> str:
    options = parse_qs(query)
    unknown = options.keys() - {"sslmode", "ssl"}
    if unknown:
        msg = f"knows no option but sslmode: remove {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    # libpq, and so everybody's URLs, say sslmode where asyncpg says ssl.
    return urlencode([("ssl", modes[-1]) for modes in options.values()])
