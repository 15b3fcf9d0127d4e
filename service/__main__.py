"""python -m service: the command line."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from service import job_commands
from service.settings import DatabaseSettings, Settings
from service.terminal import mistakes_in_one_line

GRACEFUL_SHUTDOWN_SECONDS = 10
# On every answer: what browsers should not do with it. The server adds them, at no cost to a request.
SECURITY_HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
]

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
cli.add_typer(job_commands.cli, name="jobs")


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
    """Start everything on this machine: PostgreSQL, Valkey, a mailbox, the API and a worker.

    With DATABASE_URL, REDIS_URL or SMTP_URL set, that server is used instead of our own.
    """
    from service.up import Options, Up

    with mistakes_in_one_line():
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
    with mistakes_in_one_line():
        settings = Settings.load()
        _require_listenable(settings.host, settings.port)
        if settings.admin_port:
            _require_listenable(settings.admin_host, settings.admin_port, prefix="ADMIN_")
        if not unchecked:
            _require_migrated(settings)
    _serve(settings)


@cli.command("worker")
def worker_command(
    concurrency: Annotated[
        int | None, typer.Option(help="Jobs at once, instead of WORKER_CONCURRENCY", min=1, max=200)
    ] = None,
    *,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the database and its migrations instead of failing")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not say that it has started")] = False,
) -> None:
    """Run background jobs until SIGTERM, configured by environment variables."""
    with mistakes_in_one_line():
        settings = Settings.load(**{"worker_concurrency": concurrency} if concurrency else {})
        _require_listenable(
            settings.worker_metrics_host, settings.worker_metrics_port, prefix="WORKER_METRICS_"
        )
        if not wait:
            _require_migrated(settings)
        _work(settings, quiet=quiet)


@cli.command("mailbox")
def mailbox_command(
    folder: Annotated[Path, typer.Option(help="Where the messages are kept")] = Path(".local/mail"),
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the page", min=1, max=65535)] = 8025,
    smtp_port: Annotated[int, typer.Option(help="Port of the SMTP server", min=1, max=65535)] = 1025,
) -> None:
    """Receive e-mail for development, and show it: nothing is sent on."""
    import uvicorn

    from service.infra.embedded.ports import require_listenable
    from service.mailbox import create_app

    with mistakes_in_one_line():
        require_listenable(host, port, host_option="--host", port_option="--port")
        require_listenable(host, smtp_port, host_option="--host", port_option="--smtp-port")
        app = create_app(folder, smtp_host=host, smtp_port=smtp_port)
    uvicorn.run(app, host=host, port=port, access_log=False, log_level="warning")


@cli.command("migrate")
def migrate_command() -> None:
    """Bring the schema of DATABASE_URL up to date."""
    from service.preparation import migrate

    with mistakes_in_one_line():
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
    with mistakes_in_one_line():
        url = DatabaseSettings.load().database_url
        loaded = asyncio.run(seed(url, password=password, products=products, progress=show_progress))
    if loaded.is_nothing:
        typer.echo("The catalogue is not empty: nothing was loaded")
    else:
        typer.echo(f"Loaded {loaded.products:,} products and {loaded.items:,} items")
        typer.echo(f"reader@, editor@ and operator@example.com have the password {password}")


def _require_listenable(host: str, port: int, *, prefix: str = "") -> None:
    from service.infra.embedded.ports import require_listenable

    require_listenable(host, port, host_option=f"{prefix}HOST", port_option=f"{prefix}PORT")


def _require_migrated(settings: Settings) -> None:
    from service.preparation import require_migrated

    asyncio.run(require_migrated(settings.database_url))


def _serve(settings: Settings) -> None:
    import uvicorn

    app, options = "service.serving:create_app", _options(settings)
    if settings.workers == 1:
        uvicorn.run(app, **options)
        return

    from service.supervisor import Supervisor

    config = uvicorn.Config(app, **options)
    Supervisor(config, [config.bind_socket()]).run()


def _options(settings: Settings) -> dict[str, Any]:
    from service.infra.front_door import FrontDoor

    return {
        "factory": True,
        "host": settings.host,
        "port": settings.port,
        "workers": settings.workers,
        "loop": "uvloop",
        "http": FrontDoor,
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "headers": SECURITY_HEADERS,
        "log_level": "warning",
        "timeout_graceful_shutdown": GRACEFUL_SHUTDOWN_SECONDS,
    }


def _work(settings: Settings, *, quiet: bool) -> None:
    import uvloop

    from observability.logs.configuration import configure
    from service.preparation import until_migrated
    from service.terminal import say
    from service.working import work

    configure()
    asyncio.run(until_migrated(settings.database_url))
    metrics = f"http://{settings.worker_metrics_host}:{settings.worker_metrics_port}/metrics"
    running = (
        f"The worker runs up to {settings.worker_concurrency} jobs at once; its metrics are on {metrics}"
    )
    uvloop.run(work(settings, started=lambda: None if quiet else say(running)))


if __name__ == "__main__":
    cli(prog_name="python -m service")
