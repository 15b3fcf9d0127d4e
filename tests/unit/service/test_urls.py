import pytest
from sqlalchemy.engine import make_url

from service.urls import asyncpg_url, redis_url, smtp_url


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_name_of_postgresql_leads_to_asyncpg(scheme: str) -> None:
    url = make_url(asyncpg_url(f"{scheme}://me:p%40ss@db.example:6543/shop"))
    assert (url.drivername, url.username, url.password) == ("postgresql+asyncpg", "me", "p@ss")
    assert (url.host, url.port, url.database) == ("db.example", 6543, "shop")


def test_sslmode_becomes_what_asyncpg_calls_it() -> None:
    assert make_url(asyncpg_url("postgresql://db/shop?sslmode=verify-full")).query == {"ssl": "verify-full"}


def test_checking_a_url_again_changes_nothing() -> None:
    once = asyncpg_url("postgres://me:p%40ss@db/shop?sslmode=require")
    assert asyncpg_url(once) == once


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop",
        "postgresql://",
        "postgresql:///shop",
        "postgresql://db:abc/shop",
        "postgresql://db:0/shop",
        "postgresql://db:99999/shop",
        "postgresql://[::1/shop",
    ],
)
def test_a_url_without_a_usable_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must look like postgresql://user:password@host:5432/database"):
        asyncpg_url(url)


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a postgresql:// URL, not mysql://"):
        asyncpg_url("mysql://db/shop")


def test_an_option_that_asyncpg_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="remove channel_binding"):
        asyncpg_url("postgresql://db/shop?sslmode=require&channel_binding=require")


@pytest.mark.parametrize("url", ["redis://h", "rediss://:word@h:6380/1", "unix:///run/redis.sock"])
def test_the_url_of_a_redis_stays_as_it_is(url: str) -> None:
    assert redis_url(url) == url


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("", "must start with redis://"),
        ("localhost:6379", "must start with redis://"),
        ("http://h", "must start with redis://"),
        ("redis://h:abc", "must look like redis://"),
        ("redis://h:0", "must look like redis://"),
        ("redis://h?db=first", "must look like redis://"),
    ],
)
def test_what_is_not_the_url_of_a_redis_is_refused(url: str, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        redis_url(url)


@pytest.mark.parametrize(
    "url", ["smtp://localhost:1025", "smtp://u%40h:p@h:587/", "smtps://mail.example.com"]
)
def test_the_url_of_a_mail_server_stays_as_it_is(url: str) -> None:
    assert smtp_url(url) == url


@pytest.mark.parametrize("url", ["", "localhost:25", "smtp://", "http://h", "smtp://h:abc", "smtp://h/inbox"])
def test_what_is_not_the_url_of_a_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must look like smtp://"):
        smtp_url(url)
