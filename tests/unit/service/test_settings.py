import pytest

from service.settings import DatabaseSettings, Settings, SettingsError

GOOD = {
    "DATABASE_URL": "postgresql://ada:pass%40word@db:5432/shop",
    "REDIS_URL": "redis://:hush@cache:6379/1",
    "TOKEN_SECRET": "9f8e7d6c5b4a39281706f5e4d3c2b1a0",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def complaint(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    return str(caught.value)


def test_three_variables_are_enough() -> None:
    settings = Settings.load()
    assert settings.database_url == "postgresql+asyncpg://ada:pass%40word@db:5432/shop"
    assert (settings.host, settings.port, settings.admin_port) == ("127.0.0.1", 8000, None)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("is_empty", [True, False])
def test_a_variable_that_is_missing_or_empty_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, *, is_empty: bool
) -> None:
    if is_empty:
        monkeypatch.setenv(name, "")
    else:
        monkeypatch.delenv(name)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert str(caught.value) == f"{name} is not set"


def test_an_empty_variable_with_a_default_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PORT", "")
    assert Settings.load().admin_port is None


def test_everything_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL")
    assert complaint(monkeypatch, "PORT", "0") == (
        "REDIS_URL is not set; PORT: Input should be greater than or equal to 1"
    )


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("DATABASE_URL", "shop", "must look like postgresql://"),
        ("DATABASE_URL", "postgresql://ada:hush@db:port/shop", "must look like postgresql://"),
        ("DATABASE_URL", "mysql://ada:hush@db/shop", "must be a postgresql:// URL, not mysql://"),
        ("REDIS_URL", "cache:6379", "must start with redis://"),
        ("REDIS_URL", "http://cache", "must start with redis://"),
        ("REDIS_URL", "redis://:hush@cache:port/0", "must look like redis://"),
        ("REDIS_URL", "redis://cache?db=hush", "must look like redis://"),
        ("TOKEN_SECRET", "hush", "at least 32 random characters"),
        ("PORT", "http", "valid integer"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("ADMIN_PORT", "-1", "greater than or equal to 1"),
        ("ADMIN_PORT", "8000", "must not be PORT"),
        ("WORKERS", "0", "greater than or equal to 1"),
        ("READ_POOL_SIZE", "0", "greater than or equal to 1"),
        ("WRITE_POOL_SIZE", "many", "valid integer"),
        ("POOL_TIMEOUT", "0", "greater than 0"),
        ("POOL_RECYCLE", "nan", "less than or equal to 3600"),
        ("CONNECT_TIMEOUT", "inf", "less than or equal to 3600"),
        ("STATEMENT_TIMEOUT", "-1", "greater than 0"),
        ("REDIS_TIMEOUT", "soon", "valid number"),
        ("TOKEN_LIFETIME", "3601", "less than or equal to 3600"),
        ("TOKEN_RATE_LIMIT", "often", "must look like 10/minute"),
        ("TOKEN_RATE_LIMIT", "0/minute", "must look like 10/minute"),
        ("TOKEN_ADDRESS_RATE_LIMIT", "many", "must look like 10/minute"),
        ("REGISTER_RATE_LIMIT", "10/fortnight", "must look like 10/minute"),
        ("REGISTER_RATE_LIMIT", "1/second;10/minute", "must look like 10/minute"),
        ("PASSWORD_HASH_CONCURRENCY", "0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_variable_and_never_shows_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, advice: str
) -> None:
    said = complaint(monkeypatch, name, value)
    assert said.startswith(f"{name}: ")
    assert advice in said
    assert "\n" not in said
    assert "hush" not in said


@pytest.mark.parametrize(
    "secret",
    [
        "change-me-change-me-change-me-change-me".replace("-", ""),
        "this-is-a-very-long-SECRET-for-our-shop!",
        "glasshouse-0f9e8d7c6b5a49382716f5e4d3c2b1",
        "0123456789abcdef0123456789abcdef",
        "a" * 64,
        "0101010101010101010101010101010101010101",
    ],
)
def test_a_secret_that_others_know_or_guess_is_refused(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    said = complaint(monkeypatch, "TOKEN_SECRET", secret)
    assert "openssl rand -hex 32" in said
    assert secret not in said


def test_secrets_are_in_no_text_of_the_settings() -> None:
    shown = f"{Settings.load()!r} {Settings.load()}"
    for secret in ("pass%40word", "hush", GOOD["TOKEN_SECRET"]):
        assert secret not in shown


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_usual_spelling_of_a_database_url_works(scheme: str) -> None:
    settings = DatabaseSettings.load(database_url=f"{scheme}://db/shop")
    assert settings.database_url == "postgresql+asyncpg://db/shop"


def test_sslmode_reaches_the_driver_under_its_own_name() -> None:
    settings = DatabaseSettings.load(database_url="postgresql://db/shop?sslmode=require")
    assert settings.database_url == "postgresql+asyncpg://db/shop?ssl=require"


def test_migrating_needs_the_database_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.delenv("TOKEN_SECRET")
    assert DatabaseSettings.load().database_url.startswith("postgresql+asyncpg://")
