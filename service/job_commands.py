"""python -m service jobs: the command line of the queue."""

from typing import Annotated

import typer

from service.infra.jobs.job import State
from service.terminal import mistakes_in_one_line

cli = typer.Typer(no_args_is_help=True, help="Look at the job queue, and at what is dead in it.")

Ids = Annotated[list[int] | None, typer.Argument(help="Ids of dead jobs, as `list` shows them")]
Task = Annotated[str | None, typer.Option(help="Only jobs of this name")]
All = Annotated[bool, typer.Option("--all", help="All dead jobs")]


@cli.command("list")
def list_command(
    state: Annotated[State, typer.Option(help="Which jobs to list")] = "dead",
    task: Task = None,
    limit: Annotated[int, typer.Option(help="How many, oldest first", min=1, max=10_000)] = 50,
) -> None:
    """Show how full the queue is, and the jobs in one state."""
    from service.operating import show

    with mistakes_in_one_line():
        show(state, task=task, limit=limit)


@cli.command("retry")
def retry_command(ids: Ids = None, task: Task = None, *, everything: All = False) -> None:
    """Run dead jobs again, with all their attempts."""
    from service.operating import retry

    _require_choice(ids, task, everything=everything)
    with mistakes_in_one_line():
        is_complete = retry(ids or None, task=task)
    raise typer.Exit(not is_complete)


@cli.command("discard")
def discard_command(ids: Ids = None, task: Task = None, *, everything: All = False) -> None:
    """Remove dead jobs for good."""
    from service.operating import discard

    _require_choice(ids, task, everything=everything)
    with mistakes_in_one_line():
        is_complete = discard(ids or None, task=task)
    raise typer.Exit(not is_complete)


def _require_choice(ids: list[int] | None, task: str | None, *, everything: bool) -> None:
    if not ids and task is None and not everything:
        msg = "name jobs by their ids, or choose with --task or --all"
        raise typer.BadParameter(msg)
