"""python -m service: the command line."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from service.infra.start import StartupError
from service.settings import DatabaseSettings, Settings, SettingsError

GRACEFUL_SHUTDOWN_SECONDS = 10
# On every answer: what browsers should not do with it. The server adds them, at no cost to a request.
SECURITY_HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@cli.command("up")
def up_command(
    host: Annotated[str, typer.Option(help="Address the API listens on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port the API listens on", min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="API processes", min=1, max=64)] = 1,
    data: Annotated[Path, typer.Option(help="Folder for all local state")] = Path(".local"),
    products: Annotated[
        int, typer.Option(help="Size of the sample catalogue", min=1, max=1_000_000)
    ] = 10_000,
) -> None:
    """Start everything on this machine: PostgreSQL, Valkey and the API.

    With DATABASE_URL or REDIS_URL set, that server is used instead of our own.
    """
    from service.up import Options, Up

    with _mistakes_in_one_line():
        Up(Options(host, port, workers, data, products)).run()


@cli.command("api")
def api_command(
    *,
    unchecked: Annotated[
        bool,
        typer.Option("--unchecked", help="Start before the database is migrated; /readyz says when it is"),
    ] = False,
) -> None:
    """Start the API alone, configured by environment variables."""
    with _mistakes_in_one_line():
        settings = Settings.load()
        _require_listenable(settings)
        if not unchecked:
            _require_migrated(settings)
    _serve(settings)


@cli.command("migrate")
def migrate_command() -> None:
    """Bring the schema of DATABASE_URL up to date."""
    from service.preparation import migrate

    with _mistakes_in_one_line():
        applied = asyncio.run(migrate(DatabaseSettings.load().database_url))
    typer.echo(f"Applied {', '.join(applied)}" if applied else "The schema is up to date")


@cli.command("seed")
def seed_command(
    products: Annotated[int, typer.Option(help="How many", min=1, max=1_000_000)] = 10_000,
    password: Annotated[
        str, typer.Option(envvar="SAMPLE_PASSWORD", help="Of the sample users; random when not given")
    ] = "",
) -> None:
    """Fill the empty catalogue in DATABASE_URL with sample products, items and users."""
    import secrets

    from service.preparation import seed
    from service.terminal import show_progress

    password = password or secrets.token_urlsafe(9)
    with _mistakes_in_one_line():
        url = DatabaseSettings.load().database_url
        loaded = asyncio.run(seed(url, password=password, products=products, progress=show_progress))
    if loaded.is_nothing:
        typer.echo("The catalogue is not empty: nothing was loaded")
    else:
        typer.echo(f"Loaded {loaded.products:,} products and {loaded.items:,} items")
        typer.echo(f"reader@, editor@ and operator@example.com have the password {password}")


def _require_listenable(settings: Settings) -> None:
    from service.infra.embedded.ports import require_listenable

    require_listenable(settings.host, settings.port, host_option="HOST", port_option="PORT")


def _require_migrated(settings: Settings) -> None:
    from service.preparation import require_migrated

    asyncio.run(require_migrated(settings.database_url))


def _serve(settings: Settings) -> None:
    import uvicorn

    uvicorn.run(
        "service.serving:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        access_log=False,
        server_header=False,
        headers=SECURITY_HEADERS,
        log_level="warning",
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
    )


@contextmanager
def _mistakes_in_one_line() -> Iterator[None]:
    try:
        yield
    except (SettingsError, StartupError) as error:
        typer.echo(f"glasshouse: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    cli(prog_name="python -m service")
