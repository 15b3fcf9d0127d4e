"""python -m dashboards: build what follows from the objectives, check that it was, and run it on this machine."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Annotated

import typer

from dashboards.generation import ROOT, differences, generate, write
from dashboards.local import (
    HOST,
    WORKER_PORT_OFFSET,
    Ports,
    Stack,
    StackError,
    alertmanager_config,
    find_binaries,
    prometheus_config,
    require_free,
)
from dashboards.receiver import receiver
from dashboards.slo.objectives import ObjectivesError

WATCH_SECONDS = 0.2

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def build() -> None:
    """Write rules, alerts, their tests and boards from dashboards/slo.yaml."""
    with _mistakes_in_one_line():
        changed = write(ROOT, generate())
    for path in changed:
        typer.echo(f"Wrote {path}" if (ROOT / path).exists() else f"Removed {path}")
    typer.echo(f"{len(changed)} files changed" if changed else "Everything was up to date")


@cli.command()
def check() -> None:
    """Say which generated files are not what dashboards/slo.yaml gives now."""
    with _mistakes_in_one_line():
        stale = list(differences(ROOT, generate()))
    for path in stale:
        typer.echo(f"{path} is not what dashboards/slo.yaml gives", err=True)
    if stale:
        typer.echo("Run `make dashboards` and commit what it writes", err=True)
        sys.exit(1)


@cli.command()
def stack(
    api_port: Annotated[int, typer.Option(help="Where `make run` serves the API")] = 8000,
    worker_port: Annotated[
        int | None,
        typer.Option(
            help=f"Where the worker serves its metrics: {WORKER_PORT_OFFSET} above the API's by default"
        ),
    ] = None,
    prometheus_port: Annotated[int, typer.Option(help="Port for Prometheus")] = 9090,
    alertmanager_port: Annotated[int, typer.Option(help="Port for Alertmanager")] = 9093,
    receiver_port: Annotated[int, typer.Option(help="Port for what shows alerts")] = 9095,
    data: Annotated[Path, typer.Option(help="Folder for data and logs")] = Path(".local/stack"),
) -> None:
    """Run this machine's Prometheus and Alertmanager with our configuration, and show the alerts."""
    worker_port = worker_port or api_port + WORKER_PORT_OFFSET
    ports = Ports(api_port, worker_port, prometheus_port, alertmanager_port, receiver_port)
    with _mistakes_in_one_line():
        binaries = find_binaries()
        require_free(ports)
        run_until_interrupted(Stack(binaries, ports, data), ports)


@cli.command()
def receive(
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on")] = 9095,
) -> None:
    """Show what Alertmanager sends, and serve the runbooks."""
    with receiver(host, port, tell) as server:
        typer.echo(f"Alerts to http://{host}:{port}/page, runbooks at http://{host}:{port}/")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def run_until_interrupted(stack: Stack, ports: Ports) -> None:
    """Until Ctrl-C or SIGTERM, or until one of them ends by itself."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with receiver(HOST, ports.receiver, tell) as server:
        showing = Thread(target=server.serve_forever, daemon=True)
        showing.start()
        try:
            stack.start(prometheus_config(ports), alertmanager_config(ports))
            typer.echo(_addresses(ports))
            while not (end := stack.ended()):
                sleep(WATCH_SECONDS)
            raise StackError(end)
        except KeyboardInterrupt:
            typer.echo("Stopping")
        finally:
            stack.stop()
            server.shutdown()
            showing.join()


def tell(line: str) -> None:
    """Show a line at once, whoever reads."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _addresses(ports: Ports) -> str:
    return (
        f"  Prometheus    http://localhost:{ports.prometheus}/alerts\n"
        f"  Alertmanager  http://localhost:{ports.alertmanager}\n"
        f"  Runbooks      http://localhost:{ports.receiver}\n"
        f"  Scraped       http://localhost:{ports.api}/metrics, http://localhost:{ports.worker}/metrics\n\n"
        "Alerts are shown here. Ctrl-C stops everything."
    )


@contextmanager
def _mistakes_in_one_line() -> Iterator[None]:
    try:
        yield
    except (ObjectivesError, StackError) as error:
        typer.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    cli(prog_name="python -m dashboards")
