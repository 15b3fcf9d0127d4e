import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, cast

from structlog.testing import capture_logs

from service.infra.cache.invalidations import Invalidations
from service.infra.database import Database, DatabaseUnavailable
from service.infra.tasks import Tasks


class _Session:
    async def execute(self, _statement: object) -> Any:
        return self

    def scalar_one(self) -> int:
        return 1


class _OneTransaction:
    """A database that is away after its first transaction."""

    def __init__(self) -> None:
        self.transactions = 0
        self.was_asked_again = asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_Session]:
        self.transactions += 1
        if self.transactions > 1:
            self.was_asked_again.set()
            raise DatabaseUnavailable
        yield _Session()


async def heard(_tags: Collection[str]) -> bool:
    return True


def test_a_database_that_goes_away_after_the_commit_leaves_a_row_and_a_warning() -> None:
    async def story() -> list[dict[str, Any]]:
        database, tasks, failures = _OneTransaction(), Tasks(), list[dict[str, Any]]()
        asyncio.get_running_loop().set_exception_handler(lambda _, failure: failures.append(failure))
        invalidations = Invalidations(cast("Database", database), heard, tasks)
        async with invalidations.transaction() as change:
            change.outdates("product:1")
        await database.was_asked_again.wait()
        await tasks.close()
        return failures

    with capture_logs() as events:
        assert asyncio.run(story()) == []
    assert [event["event"] for event in events] == ["invalidations_wait"]
