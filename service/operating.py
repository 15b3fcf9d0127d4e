"""The queue in tables, and what to do with its dead jobs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from service.infra.jobs.job import State
from service.infra.jobs.operations import ListedJob, Operations, Summary
from service.infra.single_connection import single_connection
from service.preparation import refusals_in_words, require_migrated
from service.settings import DatabaseSettings

T = TypeVar("T")
PIPE_WIDTH = 160


def show(state: State, *, task: str | None, limit: int) -> None:
    """Print how full the queue is, and the jobs in one state."""

    async def look(operations: Operations) -> tuple[list[Summary], list[ListedJob]]:
        return await operations.summary(), await operations.list(state, task=task, limit=limit)

    summary, jobs = _run(look)
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(_summary(summary) if summary else "The queue is empty")
    if jobs:
        console.print(_jobs(state, jobs))


def retry(ids: Sequence[int] | None, *, task: str | None) -> bool:
    """Run dead jobs again, and say whether all that were named are."""
    done = _run(lambda operations: operations.retry(ids, task=task))
    return _report("Retrying", done, ids, "not dead, or its idempotency key waits already")


def discard(ids: Sequence[int] | None, *, task: str | None) -> bool:
    """Remove dead jobs, and say whether all that were named are."""
    done = _run(lambda operations: operations.discard(ids, task=task))
    return _report("Discarded", done, ids, "not dead")


def _report(verb: str, done: set[int], chosen: Sequence[int] | None, reason: str) -> bool:
    typer.echo(f"{verb} {len(done):,} job{'' if len(done) == 1 else 's'}")
    left = sorted(set(chosen or ()) - done)
    if left:
        typer.echo(f"Left alone, because {reason}: {', '.join(map(str, left))}", err=True)
    return not left


def _run(work: Callable[[Operations], Awaitable[T]]) -> T:
    return asyncio.run(_connected(DatabaseSettings.load().database_url, work))


async def _connected(database_url: str, work: Callable[[Operations], Awaitable[T]]) -> T:
    await require_migrated(database_url)
    with refusals_in_words(database_url):
        async with single_connection(database_url) as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection
            return await work(Operations(raw))


def _summary(rows: list[Summary]) -> Table:
    table = Table("Job", "State", title="Queue", title_justify="left")
    table.add_column("Jobs", justify="right")
    table.add_column("Oldest", justify="right")
    for row in rows:
        table.add_row(row.task, row.state, f"{row.jobs:,}", _ago(row.since))
    return table


def _jobs(state: State, jobs: list[ListedJob]) -> Table:
    table = Table(title=f"Jobs that are {state}", title_justify="left")
    table.add_column("Id", justify="right", no_wrap=True)
    table.add_column("Job", no_wrap=True)
    table.add_column("Tries", justify="right")
    table.add_column("Since", justify="right", no_wrap=True)
    table.add_column("Payload")
    table.add_column("Reason")
    for job in jobs:
        # A job that is dead has failed once more than it was put back.
        tries = job.attempts + (state in {"dead", "running"})
        table.add_row(str(job.id), job.task, str(tries), _ago(job.updated), job.payload, job.reason)
    return table


def _ago(moment: datetime) -> str:
    seconds = int((datetime.now(UTC) - moment).total_seconds())
    for name, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= 2 * length:
            return f"{seconds // length} {name}" if seconds > 0 else f"in {-seconds // length} {name}"
    return f"{seconds} s" if seconds >= 0 else f"in {-seconds} s"
