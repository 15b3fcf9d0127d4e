"""python -m dashboards: build what follows from the objectives, or check that it was."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from dashboards.generation import ROOT, differences, generate, write
from dashboards.slo.objectives import ObjectivesError

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


@contextmanager
def _mistakes_in_one_line() -> Iterator[None]:
    try:
        yield
    except ObjectivesError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    cli(prog_name="python -m dashboards")
