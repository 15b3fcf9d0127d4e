"""P7: one item beside the least that could read it."""

from tests.benchmarks.applications import item_by_asyncpg
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Result, at_least
from tests.benchmarks.items import METHOD, compare_items
from tests.benchmarks.row import Row


def measure(bench: Bench) -> Result:
    return compare_items(bench, "by hand on asyncpg", item_by_asyncpg.make, at_least(0.75))


ROW = Row("P7", "GET /items/{id} / a hand-written route on an asyncpg pool", METHOD, measure)
